// SPDX-License-Identifier: Apache-2.0
#include "net/signal_pipe.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "base/check.h"

namespace llmd::net {

namespace {

constexpr size_t kPipesMax = 64;
// A signal handler can reach nothing but globals. Descriptor + 1; 0 is a free place.
std::array<std::atomic<int>, kPipesMax> write_fds;

void on_signal(int number) {
  const int saved_errno = errno;
  const char byte = static_cast<char>(number);
  for (auto& fd : write_fds) {
    const int out = fd.load(std::memory_order_relaxed) - 1;
    if (out < 0) continue;
    [[maybe_unused]] const ssize_t written = ::write(out, &byte, 1);
  }
  errno = saved_errno;
}

void add_pipe(int fd) {
  for (auto& slot : write_fds) {
    int expected = 0;
    if (slot.compare_exchange_strong(expected, fd + 1)) return;
  }
  LLMD_CHECK(!"more signal pipes than loops can need");
}

}  // namespace

SignalPipe::SignalPipe(std::initializer_list<int> signals) : signals_(signals) {
  int ends[2];
  LLMD_CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
  read_fd_ = ends[0];
  write_fd_ = ends[1];
  add_pipe(write_fd_);
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : signals_) sigaction(signal, &action, nullptr);
}

SignalPipe::~SignalPipe() {
  for (auto& slot : write_fds) {
    int expected = write_fd_ + 1;
    if (slot.compare_exchange_strong(expected, 0)) break;
  }
  ::close(read_fd_);
  ::close(write_fd_);
}

int SignalPipe::take() {
  char byte = 0;
  while (::read(read_fd_, &byte, 1) == 1) {
    if (std::ranges::find(signals_, byte) != signals_.end()) return byte;
  }
  return 0;
}

}  // namespace llmd::net
