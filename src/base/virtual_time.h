// SPDX-License-Identifier: Apache-2.0
// A clock that jumps from event to event: hours of a cluster's life in seconds of computing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/call_after.h"

namespace llmd {

/// Calls that were asked for run in the order of their times, those of one time in the order in
/// which they were asked for; so a run is a pure function of what it was given. One thread.
class VirtualTime final : public Clock {
 public:
  TimePoint now() const override { return now_; }

  void call_at(TimePoint at, std::function<void()> work) {
    calls_.push_back({std::max(at, now_), number_++, std::move(work)});
    std::push_heap(calls_.begin(), calls_.end(), later);
  }
  /// As base/call_after.h wants it; not to be called after this object's end.
  CallAfter call_after() {
    return [this](Duration after, std::function<void()> work) {
      call_at(now_ + after, std::move(work));
    };
  }

  /// Runs the next call, moving the clock to its time; false when there is none.
  bool run_one() {
    if (calls_.empty()) return false;
    std::pop_heap(calls_.begin(), calls_.end(), later);
    Call call = std::move(calls_.back());
    calls_.pop_back();
    now_ = call.at;
    call.work();
    return true;
  }
  /// Runs until no call is left, which may be never.
  void run() {
    while (run_one()) {
    }
  }
  /// Runs every call up to and including `end`, and leaves the clock there.
  void run_until(TimePoint end) {
    while (!calls_.empty() && calls_.front().at <= end) run_one();
    now_ = std::max(now_, end);
  }

 private:
  struct Call {
    TimePoint at;
    uint64_t number;
    std::function<void()> work;
  };
  static bool later(const Call& a, const Call& b) {
    return std::pair(a.at, a.number) > std::pair(b.at, b.number);
  }

  TimePoint now_{};
  uint64_t number_ = 0;
  std::vector<Call> calls_;  ///< a heap, the next call at its front
};

}  // namespace llmd
