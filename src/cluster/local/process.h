// SPDX-License-Identifier: Apache-2.0
// A child process that does not outlive its parent.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/event_loop.h"

namespace llmd::cluster {

/// The first word that stands for this very program, also when its file was replaced meanwhile.
inline constexpr const char* kOwnProgram = "/proc/self/exe";

struct ProcessSpec {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;  ///< added to the parent's
  std::string log_path;                                  ///< standard output and error, appended
};

/// Leads its own process group, so that a terminal's Ctrl-C reaches the parent alone, and gets
/// SIGKILL from the kernel when the parent's thread that started it ends. Loop thread only.
class Process {
 public:
  /// Starts the program; an error when it cannot be executed. `on_exit` is called once, later, with
  /// words for how it ended; what is left of its group is killed before.
  static Result<std::unique_ptr<Process>> start(net::EventLoop& loop, const ProcessSpec& spec,
                                                std::function<void(std::string how)> on_exit);
  /// Kills and reaps the group if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  /// SIGTERM to the process itself, which may have its own order of ending.
  void terminate();
  /// SIGKILL to the whole group.
  void kill();

 private:
  Process(net::EventLoop& loop, pid_t pid, int pid_fd,
          std::function<void(std::string how)> on_exit);
  void ended();

  pid_t pid_;
  int pid_fd_;
  std::function<void(std::string how)> on_exit_;
  std::unique_ptr<net::FdWatch> watch_;
};

}  // namespace llmd::cluster
