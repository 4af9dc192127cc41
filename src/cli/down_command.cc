// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "cli/inspect_commands.h"
#include "cluster/local/pidfd.h"
#include "cluster/local/state_dir.h"

namespace llmd::cli {
namespace {

/// Longer than a drain and the engines' grace together.
constexpr int kWaitMs = 90'000;

Error not_running(const std::string& name) {
  return not_found(fmt::format("no cluster named \"{}\" runs", name));
}

/// SIGTERM through `pid_fd`, which cannot hit a process that took the number later.
Result<void> stop_and_wait(int pid_fd, pid_t pid) {
  if (::pidfd_send_signal(pid_fd, SIGTERM, nullptr, 0) != 0 && errno != ESRCH) {
    return Error{Errc::kIo, fmt::format("cannot stop process {}: {}", pid, std::strerror(errno))};
  }
  pollfd ended{.fd = pid_fd, .events = POLLIN, .revents = 0};
  if (::poll(&ended, 1, kWaitMs) == 1) return {};
  return Error{Errc::kTimeout, fmt::format("process {} has not ended after {} s; it may still be "
                                           "answering requests",
                                           pid, kWaitMs / 1000)};
}

Result<void> down(const std::string& name) {
  LLMD_ASSIGN_OR_RETURN(const auto dir, cluster::StateDir::open(name));
  if (!dir.is_locked()) return not_running(name);
  LLMD_ASSIGN_OR_RETURN(const cluster::ClusterState state, dir.read_state());
  const int pid_fd = ::pidfd_open(state.pid, 0);
  if (pid_fd < 0) return not_running(name);
  // Still held: the process behind the descriptor is the one that wrote the state.
  const bool is_locked = dir.is_locked();
  Result<void> done = is_locked ? stop_and_wait(pid_fd, state.pid) : Result<void>();
  ::close(pid_fd);
  return done;
}

}  // namespace

void add_down_command(CLI::App& app, int& exit_code) {
  const auto name = std::make_shared<std::string>("default");
  CLI::App* command = app.add_subcommand("down", "Stops a cluster that llmd up runs");
  command->add_option("--name", *name, "Name of the cluster")->capture_default_str();
  command->footer("Examples:\n  llmd down\n  llmd down --name other");
  command->callback([name, &exit_code] {
    const auto done = down(*name);
    if (!done) fmt::print(stderr, "llmd: {}\n", done.error().message);
    exit_code = done.ok() ? 0 : 1;
  });
}

}  // namespace llmd::cli
