// SPDX-License-Identifier: Apache-2.0
// Delayed calls to the microsecond. net::Timer steps in milliseconds, which a load tool would add
// to every request's lateness.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/call_after.h"
#include "net/event_loop.h"

namespace llmd::bench {

/// One timerfd for all calls. What is not due yet is dropped with it. Loop thread only.
class FineTimers {
 public:
  explicit FineTimers(net::EventLoop& loop);
  ~FineTimers();
  FineTimers(const FineTimers&) = delete;
  FineTimers& operator=(const FineTimers&) = delete;

  void call(Duration after, std::function<void()> work);
  /// As base/call_after.h wants it; not to be called after this object's end.
  CallAfter call_after() {
    return [this](Duration after, std::function<void()> work) { call(after, std::move(work)); };
  }

 private:
  struct Due {
    TimePoint at;
    uint64_t number;  ///< calls of one time run in the order they were asked for
    std::function<void()> work;
  };
  static bool later(const Due& a, const Due& b);
  void expire();
  void arm() const;

  int fd_;
  uint64_t number_ = 0;
  std::vector<Due> queue_;  ///< a heap, the next call at its front
  std::unique_ptr<net::FdWatch> watch_;
};

}  // namespace llmd::bench
