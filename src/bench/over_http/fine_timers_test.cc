// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/fine_timers.h"

#include <gtest/gtest.h>

#include <string>

namespace llmd::bench {
namespace {

constexpr Duration kLater = std::chrono::microseconds(300);

TEST(FineTimers, CallsInTheOrderOfTheirTimes) {
  net::EventLoop loop;
  FineTimers timers(loop);
  std::string order;
  timers.call(3 * kLater, [&] { loop.stop(); });
  timers.call(2 * kLater, [&] { order += 'c'; });
  timers.call(Duration(0), [&] { order += 'a'; });
  timers.call(kLater, [&] { order += 'b'; });
  loop.run();
  EXPECT_EQ(order, "abc");
}

TEST(FineTimers, NeverCallsEarlyNorFromWithin) {
  net::EventLoop loop;
  FineTimers timers(loop);
  const SteadyClock clock;
  TimePoint called{};
  bool inside = true;
  const TimePoint asked = clock.now();
  timers.call(kLater, [&] {
    called = clock.now();
    timers.call(Duration(-1), [&] {
      EXPECT_FALSE(inside);
      loop.stop();
    });
    inside = false;
  });
  loop.run();
  EXPECT_GE(called - asked, kLater);
}

TEST(FineTimers, WhatIsNotDueIsDroppedWithIt) {
  net::EventLoop loop;
  const auto held = std::make_shared<int>();
  {
    FineTimers timers(loop);
    timers.call(Duration(0), [held] { FAIL() << "was called"; });
  }
  EXPECT_EQ(held.use_count(), 1);
  loop.post([&] { loop.stop(); });
  loop.run();
}

}  // namespace
}  // namespace llmd::bench
