// SPDX-License-Identifier: Apache-2.0
#include "endpoints/circuit.h"

#include <gtest/gtest.h>

namespace llmd::endpoints {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class CircuitTest : public testing::Test {
 protected:
  CircuitTest() { clock_.advance(seconds(100)); }
  void succeed(int times = 1) {
    for (int i = 0; i < times; ++i) circuit_.note_success(clock_.now());
  }
  void fail(int times = 1) {
    for (int i = 0; i < times; ++i) circuit_.note_failure(clock_.now());
  }
  void place() { circuit_.note_placed(clock_.now()); }
  bool admits() const { return circuit_.admits(clock_.now()); }
  /// How long from now until it admits again.
  Duration closed_for() const {
    Duration waited{};
    while (!circuit_.admits(clock_.now() + waited)) waited += milliseconds(100);
    return waited;
  }

  ManualClock clock_;
  Circuit circuit_;
};

TEST_F(CircuitTest, TheFirstFailureOpensWhereNothingElseIsKnown) {
  EXPECT_TRUE(admits());
  fail();
  EXPECT_FALSE(admits());
  EXPECT_EQ(closed_for(), milliseconds(500));
}

TEST_F(CircuitTest, AFewFailuresAmongManySuccessesDoNotOpen) {
  succeed(10);
  for (int i = 0; i < 4; ++i) {
    fail(2);
    succeed();
  }
  EXPECT_TRUE(admits());
  fail(2);  // now as many as successes lately
  EXPECT_TRUE(admits());
}

TEST_F(CircuitTest, ThreeFailuresInARowOpen) {
  succeed(100);
  fail(2);
  EXPECT_TRUE(admits());
  fail();
  EXPECT_FALSE(admits());
}

TEST_F(CircuitTest, HalfOfWhatEndedLatelyFailingOpens) {
  succeed(4);
  for (int i = 0; i < 3; ++i) {
    fail();
    EXPECT_TRUE(admits());
    succeed();
    fail();
  }
  fail();
  EXPECT_FALSE(admits());
}

TEST_F(CircuitTest, SuccessesOfLongAgoDoNotCount) {
  succeed(100);
  clock_.advance(seconds(11));
  fail();
  EXPECT_FALSE(admits());
}

TEST_F(CircuitTest, ThenOneProbeGoesWhileOthersStayAway) {
  fail();
  clock_.advance(milliseconds(500));
  EXPECT_TRUE(admits());
  EXPECT_TRUE(admits());  // asking is not sending
  place();
  EXPECT_FALSE(admits());
  succeed();
  EXPECT_TRUE(admits());
  EXPECT_FALSE(circuit_.is_open());
}

TEST_F(CircuitTest, AProbeThatFailsDoublesTheTimeUpToItsBound) {
  fail();
  for (const int expected_ms : {500, 1000, 2000, 4000, 8000, 16'000, 30'000, 30'000}) {
    EXPECT_EQ(closed_for(), milliseconds(expected_ms));
    clock_.advance(milliseconds(expected_ms));
    place();
    fail();
  }
}

TEST_F(CircuitTest, AllThatRanThereFailingAtOnceIsOneEvent) {
  fail(50);
  EXPECT_EQ(closed_for(), milliseconds(500));
}

TEST_F(CircuitTest, WhatWentThereBeforeDoesNotCloseIt) {
  fail();
  succeed();
  EXPECT_FALSE(admits());
}

TEST_F(CircuitTest, AProbeOfWhichNothingIsHeardHoldsUpTheNextForAWhileOnly) {
  fail();
  clock_.advance(seconds(1));
  place();
  EXPECT_EQ(closed_for(), seconds(10));
}

TEST_F(CircuitTest, ARequestBeforeItsTimeCountsButHoldsUpNoProbe) {
  fail();
  place();
  EXPECT_EQ(closed_for(), milliseconds(500));
  fail();
  EXPECT_EQ(closed_for(), seconds(1));
  place();
  succeed();
  EXPECT_TRUE(admits());
}

TEST_F(CircuitTest, OneThatFlapsGoesOnDoublingAndOneThatWasWellStartsAnew) {
  fail();
  clock_.advance(milliseconds(500));
  place();
  succeed();
  fail(2);
  EXPECT_EQ(closed_for(), seconds(1));
  clock_.advance(seconds(1));
  place();
  succeed();
  clock_.advance(seconds(20));
  fail();
  EXPECT_EQ(closed_for(), milliseconds(500));
}

TEST_F(CircuitTest, OneThatBeginsAnswersAndBreaksThemGoesOnDoubling) {
  fail();
  for (const int expected_ms : {500, 1000, 2000, 4000}) {
    EXPECT_EQ(closed_for(), milliseconds(expected_ms));
    clock_.advance(milliseconds(expected_ms));
    place();
    succeed();
    clock_.advance(seconds(5));
    fail();
  }
}

TEST(MayLeaveOut, UpToThreeQuarters) {
  EXPECT_TRUE(Circuit::may_leave_out(1, 2));
  EXPECT_TRUE(Circuit::may_leave_out(3, 4));
  EXPECT_FALSE(Circuit::may_leave_out(1, 1));
  EXPECT_FALSE(Circuit::may_leave_out(4, 5));
}

}  // namespace
}  // namespace llmd::endpoints
