// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGINT as bytes in a pipe. A handler, not a blocked mask with signalfd: child
// processes would inherit the mask over exec.
#pragma once

namespace llmd::net {

/// Several may exist, one per loop; each gets every signal.
class SignalPipe {
 public:
  SignalPipe();
  ~SignalPipe();
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;

  /// Readable when a signal waits.
  int fd() const { return read_fd_; }
  /// The next signal number, or 0.
  int take();

 private:
  int read_fd_ = -1;
  int write_fd_ = -1;
};

}  // namespace llmd::net
