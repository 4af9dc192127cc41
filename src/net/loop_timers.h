// SPDX-License-Identifier: Apache-2.0
// Delayed calls on an event loop, for code that knows no event loop.
#pragma once

#include <list>

#include "base/call_after.h"
#include "net/event_loop.h"

namespace llmd::net {

/// What was asked for and is not due yet is dropped with it. Loop thread only; dies before its
/// loop.
class LoopTimers {
 public:
  explicit LoopTimers(EventLoop& loop) : loop_(loop) {}
  LoopTimers(const LoopTimers&) = delete;
  LoopTimers& operator=(const LoopTimers&) = delete;

  void call(Duration after, std::function<void()> work);
  /// As base/call_after.h wants it; not to be called after this object's end.
  CallAfter call_after() {
    return [this](Duration after, std::function<void()> work) { call(after, std::move(work)); };
  }

 private:
  EventLoop& loop_;
  std::list<Timer> pending_;
  std::list<Timer> spare_;  ///< used again, so that a periodic call allocates nothing here
};

}  // namespace llmd::net
