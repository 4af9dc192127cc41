// SPDX-License-Identifier: Apache-2.0
#include "bench/load/driver.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/virtual_time.h"

namespace llmd::bench {
namespace {

using std::chrono::seconds;

LoadOptions of_stages(std::vector<Stage> stages) {
  LoadOptions options;
  options.stages = std::move(stages);
  return options;
}

/// Answers each request after `delay`, or never.
class FakeServer final : public Transport {
 public:
  explicit FakeServer(VirtualTime& time) : time_(time) {}
  void attach(Driver& driver) { driver_ = &driver; }

  void send(Flight& flight) override {
    sent.push_back(flight.request);
    open_[flight.record.number] = &flight;
    most_open = std::max(most_open, open_.size());
    if (!answers) return;
    time_.call_at(time_.now() + delay, [this, number = flight.record.number] {
      const auto found = open_.find(number);
      if (found == open_.end()) return;
      Flight& ended = *found->second;
      open_.erase(found);
      ended.record.outcome = Outcome::kOk;
      ended.record.ended = driver_->now();
      driver_->ended(ended, "an answer");
    });
  }
  void abandon(Flight& flight) override { open_.erase(flight.record.number); }

  Duration delay = seconds(1);
  bool answers = true;
  std::vector<Request> sent;
  size_t most_open = 0;

 private:
  VirtualTime& time_;
  Driver* driver_ = nullptr;
  std::map<uint64_t, Flight*> open_;
};

struct Rig {
  VirtualTime time;
  FakeServer server{time};
  std::unique_ptr<Workload> workload;
  RunResult result;
  std::unique_ptr<Driver> driver;
  bool done = false;

  Rig(WorkloadKind kind, LoadOptions options) : workload(*make_workload(kind, 1, {})) {
    driver = std::make_unique<Driver>(time, time.call_after(), *workload, std::move(options),
                                      server, result);
    server.attach(*driver);
    driver->begin([this] { done = true; });
  }
};

TEST(ArrivalSchedule, ConstantIsEven) {
  ArrivalSchedule schedule({.rate = 4, .duration = seconds(2)}, 1, nullptr);
  int count = 0;
  while (const auto at = schedule.next()) {
    EXPECT_EQ(*at, std::chrono::milliseconds(250) * count++);
  }
  EXPECT_EQ(count, 8);
}

TEST(ArrivalSchedule, PoissonHasItsMeanAndVariance) {
  // The counts of a Poisson process in unit intervals have their mean as variance.
  constexpr int kSeconds = 20'000;
  ArrivalSchedule schedule({.kind = LoadKind::kPoisson, .rate = 10, .duration = seconds(kSeconds)},
                           3, nullptr);
  std::vector<double> counts(kSeconds);
  while (const auto at = schedule.next()) counts[static_cast<size_t>(to_seconds(*at))] += 1;
  double sum = 0;
  double squares = 0;
  for (const double count : counts) {
    sum += count;
    squares += count * count;
  }
  const double mean = sum / kSeconds;
  EXPECT_NEAR(mean, 10, 0.1);
  EXPECT_NEAR(squares / kSeconds - mean * mean, 10, 0.4);
}

TEST(Sweep, StagesGoUpToSaturation) {
  const auto linear = sweep_stages({.stages = 4}, 20);
  EXPECT_DOUBLE_EQ(linear.front().rate, 5);
  EXPECT_DOUBLE_EQ(linear.back().rate, 20);
  const auto geometric = sweep_stages({.geometric = true, .stages = 5}, 16);
  EXPECT_DOUBLE_EQ(geometric.front().rate, 1);
  EXPECT_NEAR(geometric[2].rate, 4, 1e-9);
  EXPECT_NEAR(geometric.back().rate, 16, 1e-9);
}

TEST(Sweep, SaturationIsAPercentileOfWholeSeconds) {
  std::vector<Duration> ended;
  for (int second = 0; second < 4; ++second) {
    for (int i = 0; i < 10 * (second + 1); ++i) ended.push_back(seconds(second));
  }
  ended.push_back(seconds(4));  // in a second that is not whole
  EXPECT_DOUBLE_EQ(saturation_rate(ended, 50), 20);
  EXPECT_DOUBLE_EQ(saturation_rate(ended, 100), 40);
  EXPECT_DOUBLE_EQ(saturation_rate({}, 95), 0);
}

TEST(Driver, AnOpenLoopNeverWaitsForAnswers) {
  LoadOptions options = of_stages({{.rate = 10, .duration = seconds(5)}});
  options.grace = seconds(3);
  Rig run(RandomOptions{}, options);
  run.server.answers = false;
  run.time.run();
  EXPECT_TRUE(run.done);
  EXPECT_EQ(run.server.most_open, 50U);
  ASSERT_EQ(run.result.requests.size(), 50U);
  for (const RequestRecord& record : run.result.requests) {
    EXPECT_EQ(record.outcome, Outcome::kUnfinished);
    EXPECT_EQ(record.sent, record.due);
  }
}

TEST(Driver, AClosedLoopKeepsItsConcurrency) {
  const LoadOptions options =
      of_stages({{.kind = LoadKind::kConcurrent, .requests = 20, .concurrency = 4}});
  Rig run(RandomOptions{}, options);
  run.time.run();
  EXPECT_TRUE(run.done);
  EXPECT_EQ(run.server.most_open, 4U);
  EXPECT_EQ(run.result.requests.size(), 20U);
  EXPECT_EQ(run.result.stages.at(0).end, seconds(5));
}

TEST(Driver, ATurnWaitsForTheOneBeforeAndThatIsNoLateness) {
  const SharedPrefixOptions one{.groups = 1, .prompts_per_group = 1, .multi_turn = true};
  Rig run(one, of_stages({{.rate = 2, .duration = seconds(1)}}));
  run.time.run();
  ASSERT_EQ(run.result.requests.size(), 2U);
  const RequestRecord& second = run.result.requests[1];
  EXPECT_EQ(second.due, std::chrono::milliseconds(500));
  EXPECT_EQ(second.held, std::chrono::milliseconds(500));
  EXPECT_EQ(second.sent, seconds(1));
  EXPECT_EQ(run.server.sent[1].messages.size(), 4U);
}

TEST(Driver, StagesFollowOneAnotherAfterTheInterval) {
  LoadOptions options =
      of_stages({{.rate = 1, .duration = seconds(2)}, {.rate = 1, .duration = seconds(1)}});
  options.interval = seconds(5);
  Rig run(RandomOptions{}, options);
  run.time.run();
  ASSERT_EQ(run.result.stages.size(), 2U);
  EXPECT_EQ(run.result.stages[0].end, seconds(2));
  EXPECT_EQ(run.result.stages[1].begin, seconds(7));
  EXPECT_EQ(run.result.requests.back().stage, 1U);
}

TEST(Driver, ASweepFindsTheRateAndGoesUpToIt) {
  LoadOptions options;
  options.sweep = Sweep{.requests = 30, .stages = 2, .stage_duration = seconds(2)};
  Rig run(RandomOptions{}, options);
  run.server.delay = std::chrono::milliseconds(100);
  run.time.run();
  EXPECT_TRUE(run.done);
  ASSERT_EQ(run.result.stages.size(), 3U);
  EXPECT_TRUE(run.result.stages[0].warm_up);
  // 30 answers after a tenth of a second.
  EXPECT_DOUBLE_EQ(run.result.stages[1].rate, 150);
  EXPECT_DOUBLE_EQ(run.result.stages[2].rate, 300);
}

TEST(Driver, AnInterruptedRunKeepsWhatItHas) {
  Rig run(RandomOptions{}, of_stages({{.rate = 1, .duration = seconds(100)}}));
  run.time.run_until(TimePoint(seconds(10)) + std::chrono::milliseconds(500));
  run.driver->interrupt();
  EXPECT_TRUE(run.done);
  EXPECT_TRUE(run.result.info.partial);
  ASSERT_EQ(run.result.requests.size(), 11U);
  EXPECT_EQ(run.result.requests.front().outcome, Outcome::kOk);
  EXPECT_EQ(run.result.requests.back().outcome, Outcome::kUnfinished);
}

/// A run in scaled time, whose every `n`-th timer comes 20 ms late.
RunInfo run_that_lags(double time_scale, int n, Duration duration) {
  VirtualTime time;
  FakeServer server(time);
  const auto workload = *make_workload(RandomOptions{}, 1, {});
  RunResult result;
  result.info.time_scale = time_scale;
  result.info.lateness_tolerated = std::chrono::milliseconds(10);
  int calls = 0;
  const CallAfter late = [&](Duration after, std::function<void()> work) {
    const bool lags = ++calls % n == 0;
    time.call_at(time.now() + after + std::chrono::milliseconds(lags ? 20 : 0), std::move(work));
  };
  Driver driver(time, late, *workload, of_stages({{.rate = 10, .duration = duration}}), server,
                result);
  server.attach(driver);
  bool done = false;
  driver.begin([&] { done = true; });
  time.run();
  EXPECT_TRUE(done);
  EXPECT_EQ(result.info.partial, result.info.too_fast);
  return result.info;
}

TEST(Driver, ScaledTimeEndsWhenMoreThanATenthIsSentLate) {
  EXPECT_TRUE(run_that_lags(2, 1, seconds(20)).too_fast);
  EXPECT_TRUE(run_that_lags(2, 5, seconds(20)).too_fast);
  EXPECT_FALSE(run_that_lags(2, 20, seconds(20)).too_fast);
  EXPECT_FALSE(run_that_lags(2, 1, seconds(4)).too_fast);   // too few to tell
  EXPECT_FALSE(run_that_lags(1, 1, seconds(20)).too_fast);  // late, but real
}

TEST(Driver, TenantsShareByWeight) {
  LoadOptions options = of_stages({{.rate = 1000, .duration = seconds(10)}});
  options.tenants = {{"a", 3, ""}, {"b", 1, ""}};
  Rig run(RandomOptions{}, options);
  run.time.run();
  std::array<int, 3> counts{};
  for (const RequestRecord& record : run.result.requests) ++counts.at(record.tenant);
  EXPECT_EQ(counts[0], 0);
  EXPECT_NEAR(counts[1] / 10'000.0, 0.75, 0.02);
}

}  // namespace
}  // namespace llmd::bench
