// SPDX-License-Identifier: Apache-2.0
// One thread's event loop over Boost.Asio, with Asio itself kept out of this header.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"

namespace boost::asio {
class io_context;
}

namespace llmd::net {

/// Runs handlers on the one thread that calls run(). Everything that it owns (sockets, timers,
/// exchanges) is touched on that thread only; post() alone is safe from any thread.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs until stop(), also while there is nothing to do.
  void run();
  /// Any thread.
  void stop();
  /// Queues `work` to run on the loop's thread. Any thread.
  void post(std::function<void()> work);
  /// Runs `on_signal` on the loop's thread at SIGTERM or SIGINT (each time one arrives).
  void on_terminate(std::function<void(int signal)> on_signal);

  boost::asio::io_context& context();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A one-shot timer that is cancelled when destroyed. Loop thread only.
class Timer {
 public:
  explicit Timer(EventLoop& loop);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Replaces whatever was scheduled before.
  void start(Duration after, std::function<void()> on_expiry);
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace llmd::net
