// SPDX-License-Identifier: Apache-2.0
#include "engine/simulated/simulated_executor.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "engine/simulated/test_engine.h"

namespace llmd::engine {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Calls come `lateness` later than asked for, as a millisecond timer's do.
class LateTimers {
 public:
  CallAfter call_after(VirtualTime& time) {
    return [this, &time](Duration after, std::function<void()> work) {
      time.call_at(time.now() + after + lateness, std::move(work));
    };
  }
  Duration lateness{};
};

class SimulatedExecutorTest : public testing::Test {
 protected:
  SimulatedExecutorTest() : executor_(model_, text_, time_, timers_.call_after(time_)) {
    item_.tokens = token_;
    item_.sampling = &sampling_;
    batch_.items = {item_};
  }

  /// Submits again from within each completion, `steps` times, `gap` after it.
  void run_steps(int steps, Duration gap) {
    executor_.submit(batch_, [this, steps, gap](const StepResult&) {
      ends_.push_back(time_.now());
      if (steps > 1) time_.call_at(time_.now() + gap, [=, this] { run_steps(steps - 1, gap); });
    });
  }

  TimeModel model_{.alpha_s = 0.010, .beta_s = 0, .gamma_s = 0};
  std::unique_ptr<tokenize::Tokenizer> words4_ = tokenize::make_words4();
  std::shared_ptr<const SimulatedText> text_ =
      std::make_shared<SimulatedText>(*words4_, TokenId{0});
  VirtualTime time_;
  LateTimers timers_;
  SimulatedExecutor executor_;
  std::vector<TokenId> token_{7};
  SamplingParams sampling_;
  BatchItem item_;
  Batch batch_;
  std::vector<TimePoint> ends_;
};

TEST_F(SimulatedExecutorTest, LatenessOfTimersDoesNotAddUp) {
  timers_.lateness = microseconds(900);
  run_steps(1000, microseconds(20));
  time_.run();
  EXPECT_EQ(ends_.back(), TimePoint(milliseconds(10'000) + timers_.lateness));
}

TEST_F(SimulatedExecutorTest, AStepAfterAPauseTakesItsWholeTime) {
  timers_.lateness = microseconds(900);
  run_steps(2, milliseconds(5));
  time_.run();
  EXPECT_EQ(ends_[1] - ends_[0], milliseconds(15) + timers_.lateness);
}

TEST_F(SimulatedExecutorTest, OnVirtualTimeEveryPauseCounts) {
  run_steps(2, std::chrono::nanoseconds(1));
  time_.run();
  EXPECT_EQ(ends_[1] - ends_[0], milliseconds(10) + std::chrono::nanoseconds(1));
}

TEST_F(SimulatedExecutorTest, ABatchIsForgottenWithItsExecutor) {
  auto executor =
      std::make_unique<SimulatedExecutor>(model_, text_, time_, timers_.call_after(time_));
  bool done = false;
  executor->submit(batch_, [&done](const StepResult&) { done = true; });
  executor.reset();
  time_.run();
  EXPECT_FALSE(done);
}

class SimulatedTextTest : public SimulatedExecutorTest {
 protected:
  std::string say(uint32_t first, uint32_t count) {
    std::vector<TokenId> tokens;
    for (uint32_t i = 0; i < count; ++i) {
      item_.first_position = first + i;
      tokens.push_back(text_->choose(item_));
    }
    return words4_->decode(tokens, false);
  }
};

TEST_F(SimulatedTextTest, IsReadableAndAFunctionOfSeedAndPosition) {
  sampling_.seed = 1;
  const std::string text = say(10, 400);
  EXPECT_EQ(text.size(), 1600);
  EXPECT_NE(text.find(" simulated engine"), std::string::npos);
  EXPECT_EQ(say(20, 5), text.substr(40, 20));
  sampling_.seed = 2;
  EXPECT_NE(say(10, 400), text);
}

TEST_F(SimulatedTextTest, ScriptsComeFirstThenTextThenTheEnd) {
  sampling_.script = std::make_shared<Script>(Script{11, 4, words4_->encode("abcdefgh", false)});
  EXPECT_EQ(say(10, 2), "abcdefgh");
  EXPECT_EQ(say(12, 2).size(), 8);
  EXPECT_EQ(say(14, 3), "");
  const std::vector<TokenId> eos{0};
  item_.suppressed = eos;
  EXPECT_EQ(say(14, 1).size(), 4);
}

}  // namespace
}  // namespace llmd::engine
