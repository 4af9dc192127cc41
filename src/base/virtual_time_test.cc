// SPDX-License-Identifier: Apache-2.0
#include "base/virtual_time.h"

#include <gtest/gtest.h>

#include <string>

#include "base/scaled_time.h"

namespace llmd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(VirtualTime, RunsInOrderOfTimeThenOfAsking) {
  VirtualTime time;
  const CallAfter call_after = time.call_after();
  std::string order;
  call_after(seconds(2), [&] { order += "c"; });
  call_after(seconds(1), [&] {
    order += "a";
    call_after(seconds(1), [&] { order += "d"; });
    call_after(Duration::zero(), [&] { order += "b"; });
  });
  EXPECT_TRUE(order.empty());
  time.run();
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(time.now(), TimePoint(seconds(2)));
  EXPECT_FALSE(time.run_one());
}

TEST(VirtualTime, RunUntilLeavesWhatIsLater) {
  VirtualTime time;
  int runs = 0;
  time.call_at(TimePoint(seconds(1)), [&] { ++runs; });
  time.call_at(TimePoint(seconds(3)), [&] { ++runs; });
  time.run_until(TimePoint(seconds(2)));
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(time.now(), TimePoint(seconds(2)));
  time.call_at(TimePoint(seconds(1)), [&] { EXPECT_EQ(time.now(), TimePoint(seconds(2))); });
  time.run();
  EXPECT_EQ(runs, 2);
}

TEST(ScaledTime, ClockAndDelaysAgree) {
  VirtualTime base;
  base.run_until(TimePoint(seconds(100)));
  const ScaledClock clock(base, 10);
  const TimePoint begin = clock.now();
  const CallAfter call_after = scale_delays(base.call_after(), 10);
  Duration waited{};
  call_after(seconds(30), [&] { waited = clock.now() - begin; });
  base.run();
  EXPECT_EQ(base.now(), TimePoint(seconds(103)));
  EXPECT_EQ(waited, seconds(30));
}

}  // namespace
}  // namespace llmd
