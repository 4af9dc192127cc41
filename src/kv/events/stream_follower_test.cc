// SPDX-License-Identifier: Apache-2.0
#include "kv/events/stream_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/events/test_stream.h"

namespace llmd::kv {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class TestTransport final : public ReplayTransport {
 public:
  bool ask(uint64_t from_seq) override {
    if (available) asked.push_back(from_seq);
    return available;
  }
  void cancel() override { ++cancelled; }

  bool available = true;
  std::vector<uint64_t> asked;
  int cancelled = 0;
};

struct Follow : testing::Test {
  ManualClock clock;
  TestTransport transport;
  TestConsumer consumer;
  FollowerLimits limits{.held_batches_max = 4, .held_bytes_max = 100};
  StreamFollower follower{clock, transport, consumer, limits};

  static std::string batch(uint64_t seq, const std::string& engine = "a") {
    return engine + std::to_string(seq);
  }
  void live(std::initializer_list<uint64_t> seqs, const std::string& engine = "a") {
    for (const uint64_t seq : seqs) follower.on_live(seq, batch(seq, engine));
  }
  void replayed(std::initializer_list<uint64_t> seqs, const std::string& engine = "a") {
    for (const uint64_t seq : seqs) follower.on_replayed(seq, batch(seq, engine));
  }
  /// Moves to the next deadline and lets the follower know.
  void pass() {
    ASSERT_TRUE(follower.deadline());
    clock.advance(*follower.deadline() - clock.now());
    follower.on_deadline();
  }
  const FollowerCounters& counters() const { return follower.counters(); }
};

TEST_F(Follow, ABeginningIsTakenAsItComes) {
  live({0, 1, 2});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1", "a2"));
  EXPECT_FALSE(follower.partial());
  EXPECT_THAT(transport.asked, IsEmpty());
}

TEST_F(Follow, AFirstContactInTheMiddleAsksForAllBefore) {
  live({2, 3});
  EXPECT_THAT(consumer.batches, IsEmpty());
  EXPECT_EQ(follower.held_batches(), 2U);
  EXPECT_THAT(transport.asked, ElementsAre(0));
  replayed({0, 1, 2});
  live({4});
  replayed({3, 4});
  follower.on_replay_end();
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1", "a2", "a3", "a4"));
  EXPECT_FALSE(follower.replaying());
  EXPECT_FALSE(consumer.partial);
  EXPECT_EQ(counters().gaps, 0U);
  EXPECT_EQ(counters().lost_batches, 0U);
}

TEST_F(Follow, AnEngineThatHasNothingToSayIsHeardFromTheStart) {
  follower.start();
  EXPECT_THAT(transport.asked, ElementsAre(0));
  replayed({0, 1});
  follower.on_replay_end();
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1"));
  live({2});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1", "a2"));
  EXPECT_EQ(follower.deadline(), std::nullopt);
}

TEST_F(Follow, ANewEngineHasNothingToReplay) {
  follower.start();
  follower.on_replay_end();
  live({0});
  EXPECT_THAT(consumer.batches, ElementsAre("a0"));
  EXPECT_FALSE(consumer.partial);
}

TEST_F(Follow, TheFirstBatchDoesNotWaitForTheReplay) {
  follower.start();
  live({0, 1});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1"));
  EXPECT_FALSE(follower.replaying());
}

TEST_F(Follow, AGapIsFilledBeforeLaterBatches) {
  live({0, 3, 4});
  EXPECT_EQ(counters().gaps, 1U);
  EXPECT_THAT(transport.asked, ElementsAre(0));  // the latest known one, to be sure of the engine
  replayed({0, 1});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1"));
  replayed({2});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1", "a2", "a3", "a4"));
  EXPECT_FALSE(follower.replaying());
  EXPECT_FALSE(consumer.partial);
}

TEST_F(Follow, AGapWithinWhatIsHeldIsFilledToo) {
  live({0, 2, 4});
  replayed({0, 1});
  EXPECT_TRUE(follower.replaying());
  replayed({2, 3, 4});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1", "a2", "a3", "a4"));
  live({6});
  EXPECT_THAT(transport.asked, ElementsAre(0, 4));
}

TEST_F(Follow, AGapThatOpensAfterTheReplayWasServedIsAskedForAgain) {
  live({0, 2});
  replayed({0, 1});
  EXPECT_FALSE(follower.replaying());
  live({4});
  replayed({2});
  follower.on_replay_end();
  EXPECT_TRUE(follower.replaying());
  EXPECT_EQ(counters().replay_failures, 1U);
  pass();
  replayed({2, 3});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1", "a2", "a3", "a4"));
}

TEST_F(Follow, TheLagIsTheOldestHeldBatchsWait) {
  live({0, 2});
  clock.advance(seconds(1));
  live({3});
  EXPECT_EQ(follower.lag(), seconds(1));
  replayed({0, 1});
  EXPECT_EQ(follower.lag(), seconds(0));
}

TEST_F(Follow, DuplicatesAreDropped) {
  live({0, 1, 1});
  follower.resync();
  replayed({0, 1, 2, 3});
  follower.on_replay_end();
  live({2, 3, 4});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1", "a2", "a3", "a4"));
  EXPECT_EQ(counters().duplicates, 3U);
}

TEST_F(Follow, AReplayThatStartsLateIsTakenAndMakesItPartial) {
  live({7});
  replayed({5, 6, 7});
  EXPECT_THAT(consumer.batches, ElementsAre("a5", "a6", "a7"));
  EXPECT_TRUE(consumer.partial);
  EXPECT_EQ(counters().lost_batches, 0U);  // they were before our time
  live({20});
  replayed({18, 19});
  EXPECT_EQ(counters().lost_batches, 10U);
  EXPECT_EQ(consumer.batches.back(), "a20");
}

TEST_F(Follow, WithoutReplayTheLiveStreamGoesOn) {
  transport.available = false;
  follower.start();
  EXPECT_FALSE(consumer.partial);
  live({5, 6, 9});
  EXPECT_THAT(consumer.batches, ElementsAre("a5", "a6", "a9"));
  EXPECT_TRUE(consumer.partial);
  EXPECT_EQ(counters().lost_batches, 2U);
}

TEST_F(Follow, SilenceIsAskedAgainAndThenGivenUp) {
  live({0, 2});
  const TimePoint began = clock.now();
  for (int request = 1; request <= limits.fruitless_max; ++request) {
    EXPECT_EQ(counters().replays, static_cast<uint64_t>(request));
    pass();  // the reply's deadline
    if (request < limits.fruitless_max) pass();
  }
  EXPECT_FALSE(follower.replaying());
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a2"));
  EXPECT_TRUE(consumer.partial);
  EXPECT_EQ(counters().lost_batches, 1U);
  EXPECT_EQ(clock.now() - began, 3 * limits.idle + milliseconds(200 + 400));
}

TEST_F(Follow, AfterGivingUpItDoesNotAskForAWhile) {
  live({0, 2});
  while (follower.replaying()) pass();
  const uint64_t asked = counters().replays;
  live({4});
  EXPECT_EQ(counters().replays, asked);
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a2", "a4"));
  clock.advance(limits.cooldown);
  live({6});
  EXPECT_EQ(counters().replays, asked + 1);
}

TEST_F(Follow, SlowRepliesAreWaitedForUpToTheWholeTime) {
  follower.start();
  const TimePoint began = clock.now();
  for (uint64_t seq = 0; follower.replaying(); ++seq) {
    replayed({seq});
    clock.advance(seconds(1));
    follower.on_deadline();
  }
  EXPECT_GE(clock.now() - began, limits.whole);
  EXPECT_LE(clock.now() - began, limits.whole + limits.idle);
}

TEST_F(Follow, AReplyLostOnTheWayIsAskedForAgain) {
  live({0, 5});
  replayed({0, 1, 3});
  EXPECT_EQ(counters().replay_failures, 1U);
  replayed({4});  // of the request that was given up
  pass();
  EXPECT_THAT(transport.asked, ElementsAre(0, 1));
  replayed({1, 2, 3, 4});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1", "a2", "a3", "a4", "a5"));
  EXPECT_FALSE(consumer.partial);
}

TEST_F(Follow, TooManyHeldGoOnWithoutTheMissing) {
  live({0, 2, 3, 4, 5, 6});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a2", "a3", "a4", "a5", "a6"));
  EXPECT_TRUE(consumer.partial);
  EXPECT_FALSE(follower.replaying());
  EXPECT_EQ(follower.held_batches(), 0U);
}

TEST_F(Follow, TooManyHeldBytesGoOnWithoutTheMissing) {
  live({0});
  const std::string large(60, 'z');
  follower.on_live(2, large);
  EXPECT_EQ(follower.held_batches(), 1U);
  follower.on_live(3, large);
  EXPECT_THAT(consumer.batches, ElementsAre("a0", large, large));
}

TEST_F(Follow, NumbersThatGoBackMeanANewEngine) {
  live({0, 1, 2});
  live({1}, "b");
  EXPECT_EQ(consumer.resets, 1);
  EXPECT_THAT(consumer.batches, IsEmpty());
  EXPECT_THAT(transport.asked, ElementsAre(0));
  replayed({0}, "b");
  EXPECT_THAT(consumer.batches, ElementsAre("b0", "b1"));
  EXPECT_EQ(counters().restarts, 1U);
  EXPECT_FALSE(consumer.partial);
}

TEST_F(Follow, TheSameNumberWithOtherContentMeansANewEngine) {
  live({0});
  live({0}, "b");
  EXPECT_EQ(consumer.resets, 1);
  EXPECT_THAT(consumer.batches, ElementsAre("b0"));
}

TEST_F(Follow, ARestartEndsThePartialState) {
  live({0, 2, 3, 4, 5, 6, 7});
  ASSERT_TRUE(consumer.partial);
  live({0}, "b");
  EXPECT_FALSE(consumer.partial);
  EXPECT_THAT(consumer.batches, ElementsAre("b0"));
}

TEST_F(Follow, ARestartBehindAGapShowsInTheReplay) {
  live({0, 1, 5});
  transport.asked.clear();
  replayed({1}, "b");
  EXPECT_EQ(consumer.resets, 1);
  EXPECT_EQ(counters().restarts, 1U);
  EXPECT_THAT(transport.asked, ElementsAre(0));
  replayed({0, 1, 2, 3, 4, 5}, "b");
  follower.on_replay_end();
  EXPECT_THAT(consumer.batches, ElementsAre("b0", "b1", "b2", "b3", "b4", "b5"));
  live({6}, "b");
  EXPECT_FALSE(consumer.partial);
  EXPECT_EQ(consumer.batches.size(), 7U);
}

TEST_F(Follow, AReconnectIsVerified) {
  live({0, 1});
  follower.on_reconnected();
  EXPECT_THAT(transport.asked, ElementsAre(1));
  live({2});
  EXPECT_EQ(consumer.batches.size(), 2U);  // who says it is not another engine's?
  replayed({1});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1", "a2"));
  EXPECT_EQ(consumer.resets, 0);
}

TEST_F(Follow, AReconnectToANewEngineIsARestart) {
  live({0, 1});
  follower.on_reconnected();
  live({2}, "b");
  replayed({1}, "b");
  replayed({0, 1, 2}, "b");
  follower.on_replay_end();
  EXPECT_EQ(consumer.resets, 1);
  EXPECT_THAT(consumer.batches, ElementsAre("b0", "b1", "b2"));
}

TEST_F(Follow, AReconnectToAnEngineThatSaidLessIsARestart) {
  live({0, 1});
  follower.on_reconnected();
  follower.on_replay_end();
  EXPECT_EQ(consumer.resets, 1);
  EXPECT_THAT(transport.asked, ElementsAre(1, 0));
  follower.on_replay_end();
  live({0}, "b");
  EXPECT_THAT(consumer.batches, ElementsAre("b0"));
}

TEST_F(Follow, AReconnectInTheMiddleOfAReplayIsVerified) {
  live({0, 1, 4});
  replayed({1, 2});
  follower.on_reconnected();
  live({5}, "b");
  replayed({2}, "b");
  EXPECT_EQ(consumer.resets, 1);
}

TEST_F(Follow, AReconnectThatNobodyVerifiesMakesItPartial) {
  live({0, 1});
  follower.on_reconnected();
  while (follower.replaying()) pass();
  EXPECT_TRUE(consumer.partial);
  live({2});
  EXPECT_EQ(consumer.batches.size(), 3U);
}

TEST_F(Follow, AReplayWithoutTheKnownBatchVerifiesNothing) {
  live({0, 1, 4});
  replayed({2, 3});
  EXPECT_EQ(consumer.batches.size(), 5U);
  EXPECT_TRUE(consumer.partial);
}

TEST_F(Follow, AnEndWithoutTheKnownBatchVerifiesNothing) {
  live({0, 1});
  follower.on_reconnected();
  live({2});
  follower.on_replay_end();
  EXPECT_EQ(consumer.batches.size(), 2U);
  pass();
  EXPECT_THAT(transport.asked, ElementsAre(1, 1));
}

TEST_F(Follow, WhatWasHeldBeforeAReconnectComesWithTheReplayOrNotAtAll) {
  live({0, 2});
  follower.on_reconnected();
  EXPECT_EQ(follower.held_batches(), 0U);
  replayed({0, 1, 2});
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1", "a2"));
  live({4});
  follower.on_reconnected();
  while (follower.replaying()) pass();
  EXPECT_EQ(counters().lost_batches, 2U);
  live({5});
  EXPECT_EQ(consumer.batches.back(), "a5");
}

TEST_F(Follow, RepliesThatNobodyWaitsForAreIgnored) {
  live({0});
  replayed({1, 2});
  follower.on_replay_end();
  EXPECT_THAT(consumer.batches, ElementsAre("a0"));
}

TEST_F(Follow, ResyncForgetsAndAsks) {
  live({0, 1});
  follower.resync();
  EXPECT_EQ(consumer.resets, 1);
  replayed({0, 1});
  follower.on_replay_end();
  EXPECT_THAT(consumer.batches, ElementsAre("a0", "a1"));
  EXPECT_EQ(counters().restarts, 0U);
}

}  // namespace
}  // namespace llmd::kv
