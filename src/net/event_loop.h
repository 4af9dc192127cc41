// SPDX-License-Identifier: Apache-2.0
// One thread's event loop over epoll. Sockets are registered once, edge-triggered, so that a
// request costs no epoll_ctl call (figures in bench/gateway/README.md).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace llmd::net {

/// Told by the loop what the kernel reports about one file descriptor.
class Pollable {
 public:
  /// `epoll_events` as in epoll_wait(2). May unwatch and destroy any Pollable, also itself.
  virtual void on_ready(uint32_t epoll_events) = 0;

 protected:
  ~Pollable() = default;
};

class EventLoop;

/// Work to be done once at the end of the current turn, however often it is asked for.
class TurnEnd {
 public:
  virtual void on_turn_end() = 0;

 protected:
  explicit TurnEnd(EventLoop& loop) : loop_(loop) {}
  virtual ~TurnEnd();
  TurnEnd(const TurnEnd&) = delete;
  TurnEnd& operator=(const TurnEnd&) = delete;
  /// Asked for during on_turn_end() it means the end of the next turn, which does not wait.
  void call_at_turn_end();

 private:
  friend class EventLoop;
  static constexpr size_t kNotQueued = SIZE_MAX;
  EventLoop& loop_;
  size_t place_ = kNotQueued;
};

/// Runs handlers on the one thread that calls run(). Everything that it owns (sockets, timers,
/// exchanges) is touched on that thread only; post() and stop() alone are safe from any thread.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs until stop(), also while there is nothing to do.
  void run();
  /// Any thread. A stop() before run() makes that run() return at once.
  void stop();
  /// Queues `work` to run on the loop's thread. Any thread.
  void post(std::function<void()> work);
  /// Runs `on_signal` on the loop's thread at SIGTERM or SIGINT (each time one arrives).
  void on_terminate(std::function<void(int signal)> on_signal);
  /// Likewise at SIGHUP, which else ends the process.
  void on_hangup(std::function<void()> on_signal);

  /// When this turn of the loop began; the clock for coarse deadlines.
  TimePoint now() const;

  /// Reports events of `fd` (epoll_ctl(2) flags, EPOLLET for edges) to `pollable` until unwatch().
  void watch(int fd, uint32_t epoll_events, Pollable& pollable);
  /// Also forgets what this turn has still to report to `pollable`. Before closing `fd`.
  void unwatch(int fd, Pollable& pollable);
  /// Keeps `object` alive until the end of the turn, for objects that are still on the stack.
  void destroy_later(std::shared_ptr<void> object);

 private:
  friend class Timer;
  friend class TurnEnd;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A one-shot timer that is cancelled when destroyed. Millisecond steps. Loop thread only.
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
  friend class EventLoop;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Calls back while a descriptor that is not a socket (inotify, pidfd, pipe) has something to read,
/// until destroyed. Does not own the descriptor. Loop thread only.
class FdWatch final : private Pollable {
 public:
  FdWatch(EventLoop& loop, int fd, std::function<void()> on_readable);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

 private:
  void on_ready(uint32_t) override;

  EventLoop& loop_;
  int fd_;
  std::shared_ptr<std::function<void()>> on_readable_;  // shared: it may destroy its own watch
};

}  // namespace llmd::net
