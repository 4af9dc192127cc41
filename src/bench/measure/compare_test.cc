// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/compare.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace llmd::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

/// A run of 200 requests with a TTFT of about `ttft_ms`, give or take a fifth; `seed` moves the
/// whole run by as much again.
RunSummary run_with(double ttft_ms, uint64_t seed, bool streamed = true) {
  RunResult run;
  run.info.slo.ttft_s = 0.1;
  run.stages.resize(1);
  Random random(seed);
  const double whole_run = 0.8 + 0.4 * random.next_unit();
  for (int i = 0; i < 200; ++i) {
    RequestRecord record;
    record.outcome = Outcome::kOk;
    record.due = record.sent = seconds(i);
    const double ttft_us = 1000 * ttft_ms * whole_run * (0.8 + 0.4 * random.next_unit());
    const auto first = record.sent + microseconds(static_cast<int64_t>(ttft_us));
    record.first_token = record.last_token = streamed ? first : Duration{};
    record.ended = first;
    record.output_tokens = 1;
    run.requests.push_back(record);
  }
  return summarize(run);
}

TargetRuns target(const std::string& name, double ttft_ms, size_t repeats) {
  TargetRuns out{name, {}};
  for (uint64_t seed = 0; seed < repeats; ++seed) out.repeats.push_back(run_with(ttft_ms, seed));
  return out;
}

const ComparedMetric& metric(const Comparison& comparison, const std::string& name) {
  for (const ComparedMetric& row : comparison.metrics) {
    if (row.name == name) return row;
  }
  throw std::out_of_range(name);
}

TEST(Compare, CallsARealDifferenceByItsDirection) {
  const std::vector<TargetRuns> targets{target("a", 80, 5), target("b", 60, 5), target("c", 90, 5)};
  const Comparison comparison = compare(targets);
  const ComparedMetric& ttft = metric(comparison, "TTFT mean");
  EXPECT_EQ(ttft.targets[0].verdict, Verdict::kBaseline);
  EXPECT_EQ(ttft.targets[1].verdict, Verdict::kBetter);
  EXPECT_NEAR(ttft.targets[1].ratio.estimate, 0.75, 1e-3);
  EXPECT_EQ(ttft.targets[2].verdict, Verdict::kWorse);
  EXPECT_EQ(metric(comparison, "goodput").targets[2].verdict, Verdict::kWorse);
  EXPECT_EQ(comparison.repeats, 5U);
}

TEST(Compare, CallsTheSameTargetInsideTheNoise) {
  TargetRuns other{"other seeds", {}};
  for (uint64_t seed = 100; seed < 110; ++seed) other.repeats.push_back(run_with(80, seed));
  const std::vector<TargetRuns> targets{target("a", 80, 10), other};
  EXPECT_EQ(metric(compare(targets), "TTFT mean").targets[1].verdict, Verdict::kInsideNoise);
}

TEST(Compare, OneRepeatKnowsNothing) {
  const std::vector<TargetRuns> targets{target("a", 80, 1), target("b", 10, 1)};
  EXPECT_EQ(metric(compare(targets), "TTFT mean").targets[1].verdict, Verdict::kUnknown);
}

TEST(Compare, LeavesOutWhatTheRunsDoNotHave) {
  const std::vector<TargetRuns> targets{{"a", {run_with(80, 1, false)}}};
  const Comparison comparison = compare(targets);
  EXPECT_THROW(metric(comparison, "TTFT mean"), std::out_of_range);
  EXPECT_THROW(metric(comparison, "ladder goodput"), std::out_of_range);
  EXPECT_NO_THROW(metric(comparison, "latency p50"));
}

TEST(Compare, TakesOneStage) {
  const std::vector<TargetRuns> targets{target("a", 80, 3), target("b", 60, 3)};
  const Comparison total = compare(targets);
  const Comparison stage = compare(targets, 0);
  EXPECT_EQ(metric(stage, "TTFT p50").targets[1].ratio.estimate,
            metric(total, "TTFT p50").targets[1].ratio.estimate);
}

}  // namespace
}  // namespace llmd::bench
