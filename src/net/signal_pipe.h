// SPDX-License-Identifier: Apache-2.0
// Signals as bytes in a pipe. A handler, not a blocked mask with signalfd: child
// processes would inherit the mask over exec.
#pragma once

#include <initializer_list>
#include <vector>

namespace llmd::net {

/// Several may exist; each gets every signal that it asks for.
class SignalPipe {
 public:
  explicit SignalPipe(std::initializer_list<int> signals);
  ~SignalPipe();
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;

  /// Readable when a signal waits.
  int fd() const { return read_fd_; }
  /// The next signal number, or 0.
  int take();

 private:
  std::vector<int> signals_;
  int read_fd_ = -1;
  int write_fd_ = -1;
};

}  // namespace llmd::net
