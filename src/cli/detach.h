// SPDX-License-Identifier: Apache-2.0
// Runs the rest of a command in the background while the foreground follows its start.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace llmd::cli {

/// The background's line to the foreground. Without one (no --detach) it goes to the terminal.
class Reporter {
 public:
  Reporter() = default;
  explicit Reporter(int fd) : fd_(fd) {}

  /// A line for a person.
  void progress(std::string_view line);
  /// The cluster serves; the foreground prints `text` on standard output and ends.
  void ready(std::string_view text);
  /// The start failed.
  void failed(std::string_view message);

 private:
  void send(char kind, std::string_view text);

  int fd_ = -1;
};

/// Forks. The child leaves the terminal, writes to `log_path` and returns the exit status of
/// `background`; the parent prints what is reported and returns 0 once it is ready, else 1.
/// Before any thread or event loop exists.
Result<int> run_detached(const std::string& log_path,
                         const std::function<int(Reporter)>& background);

}  // namespace llmd::cli
