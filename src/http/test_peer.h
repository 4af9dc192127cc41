// SPDX-License-Identifier: Apache-2.0
// For tests: a loop on its own thread, and a blocking socket that says exactly what it is told.
#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/check.h"
#include "net/event_loop.h"
#include "net/socket.h"

namespace llmd::http::testing {

class LoopThread {
 public:
  LoopThread() : thread_([this] { loop.run(); }) {}
  ~LoopThread() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    loop.stop();
    thread_.join();
  }
  /// Runs `work` on the loop's thread and waits for it.
  template <typename Work>
  void run(Work work) {
    std::promise<void> done;
    loop.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  net::EventLoop loop;

 private:
  std::thread thread_;
};

class Peer {
 public:
  explicit Peer(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto address = net::Address::parse("127.0.0.1", port);
    LLMD_CHECK(::connect(fd_, address->get(), address->size()) == 0);
    const timeval timeout{.tv_sec = 20, .tv_usec = 0};  // a hang fails the test, not the run
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  }
  explicit Peer(int fd) : fd_(fd) {}
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Peer() { close(); }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void end() const { ::shutdown(fd_, SHUT_WR); }
  /// Everything up to and with `mark`, or up to the end of the stream.
  std::string read_until(std::string_view mark) const {
    std::string all;
    char c = 0;
    while (!all.ends_with(mark) || mark.empty()) {
      if (::recv(fd_, &c, 1, 0) != 1) break;
      all.push_back(c);
    }
    return all;
  }
  std::string read_to_end() const { return read_until({}); }
  std::string read_bytes(size_t count) const {
    std::string bytes(count, '\0');
    const ssize_t got = ::recv(fd_, bytes.data(), count, MSG_WAITALL);
    bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return bytes;
  }

 private:
  int fd_;
};

}  // namespace llmd::http::testing
