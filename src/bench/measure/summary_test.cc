// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/summary.h"

#include <gtest/gtest.h>

#include "bench/measure/request_figures.h"

namespace llmd::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Sent on time at `sent`, first token 100 ms later, then 10 tokens 20 ms apart.
RequestRecord answered(uint32_t stage, Duration sent) {
  RequestRecord record;
  record.stage = stage;
  record.outcome = Outcome::kOk;
  record.due = record.sent = sent;
  record.first_token = sent + milliseconds(100);
  record.last_token = record.first_token + milliseconds(200);
  record.ended = record.last_token + milliseconds(10);
  record.prompt_tokens = 40;
  record.cached_tokens = 10;
  record.output_tokens = 11;
  return record;
}

RequestRecord failed(uint32_t stage, Duration sent, Outcome outcome) {
  RequestRecord record;
  record.stage = stage;
  record.outcome = outcome;
  record.due = record.sent = sent;
  record.ended = sent + seconds(1);
  return record;
}

/// Stages of 100 requests each, of which `misses` fail.
RunResult ladder(const std::vector<std::pair<double, int>>& rate_and_misses) {
  RunResult run;
  run.info.slo.ttft_s = 2;
  for (const auto& [rate, misses] : rate_and_misses) {
    const auto stage = static_cast<uint32_t>(run.stages.size());
    run.stages.push_back({.load = "poisson", .rate = rate});
    for (int i = 0; i < 100; ++i) {
      run.requests.push_back(i < misses ? failed(stage, seconds(i), Outcome::kStatus)
                                        : answered(stage, seconds(i)));
    }
  }
  return run;
}

LadderGoodput goodput(const std::vector<std::pair<double, int>>& rate_and_misses) {
  return summarize(ladder(rate_and_misses)).ladder.value();
}

TEST(RequestFigures, FollowTheFormulas) {
  const RequestRecord record = answered(0, seconds(3));
  EXPECT_EQ(ttft_ns(record), 100'000'000);
  EXPECT_EQ(tpot_ns(record), 20'000'000);
  EXPECT_EQ(ntpot_ns(record), 310'000'000 / 11);
  EXPECT_EQ(e2e_ns(record), 310'000'000);
}

TEST(RequestFigures, AreAbsentWhereTheRequestHasNone) {
  RequestRecord whole = answered(0, seconds(1));  // not streamed
  whole.first_token = whole.last_token = {};
  EXPECT_EQ(ttft_ns(whole), std::nullopt);
  EXPECT_EQ(tpot_ns(whole), std::nullopt);
  EXPECT_TRUE(SloCheck(whole, {.ttft_s = 0.31}).all());
  EXPECT_FALSE(SloCheck(whole, {.ttft_s = 0.30}).all());
  RequestRecord one_token = answered(0, seconds(1));
  one_token.output_tokens = 1;
  EXPECT_EQ(tpot_ns(one_token), std::nullopt);
  EXPECT_TRUE(SloCheck(one_token, {.tpot_s = 0.001}).all());
}

TEST(RequestFigures, LatenessIsWhatTheToolAdded) {
  RequestRecord record = answered(0, seconds(10));
  record.due = seconds(4);
  record.held = seconds(5);  // for its session's last turn
  EXPECT_EQ(lateness_ns(record), 1'000'000'000);
}

TEST(Slo, EveryBoundThatIsSetMustHold) {
  const RequestRecord record = answered(0, seconds(0));
  EXPECT_TRUE(SloCheck(record, {}).all());
  EXPECT_TRUE(SloCheck(record, {.ttft_s = 0.1, .tpot_s = 0.02, .e2e_s = 0.31}).all());
  EXPECT_FALSE(SloCheck(record, {.ttft_s = 0.099, .tpot_s = 0.02}).all());
  EXPECT_FALSE(SloCheck(record, {.ttft_s = 0.1, .tpot_s = 0.019}).all());
  EXPECT_FALSE(SloCheck(record, {.itl_s = 0.019}).all());
  EXPECT_FALSE(SloCheck(record, {.ntpot_s = 0.028}).all());
}

TEST(Summary, CountsErrorsByKindAndAsMisses) {
  RunResult run;
  run.stages.resize(1);
  run.info.slo.ttft_s = 1;
  run.requests = {answered(0, seconds(0)), failed(0, seconds(1), Outcome::kTimeout),
                  failed(0, seconds(2), Outcome::kStatus), failed(0, seconds(3), Outcome::kStatus)};
  const RunSummary summary = summarize(run);
  const Tally& tally = summary.total.tally;
  EXPECT_EQ(tally.requests, 4U);
  EXPECT_EQ(tally.ok(), 1U);
  EXPECT_EQ(tally.failed(), 3U);
  EXPECT_EQ(tally.outcomes[static_cast<size_t>(Outcome::kStatus)], 2U);
  EXPECT_EQ(tally.good, 1U);
  EXPECT_EQ(tally.good_tokens, 51U);
  EXPECT_DOUBLE_EQ(tally.attained(), 0.25);
  EXPECT_DOUBLE_EQ(tally.cache_hit_ratio(), 0.25);
  EXPECT_DOUBLE_EQ(summary.total.seconds, 4);  // first sent at 0 s, last ended at 4 s
  EXPECT_DOUBLE_EQ(summary.total.goodput(), 0.25);
  EXPECT_EQ(summary.total.failed_e2e.count(), 3U);
  EXPECT_EQ(summary.total.e2e.count(), 1U);
}

TEST(Summary, TotalsAreOverAllSamplesAndLeaveOutWarmUp) {
  RunResult run = ladder({{1, 0}, {2, 10}, {4, 50}});
  run.stages[0].warm_up = true;
  const RunSummary summary = summarize(run);
  EXPECT_EQ(summary.stages[0].tally.requests, 100U);
  EXPECT_EQ(summary.total.tally.requests, 200U);
  EXPECT_EQ(summary.total.ttft.count(), 140U);
  EXPECT_EQ(summary.endpoints[0].requests, 200U);
  EXPECT_EQ(summary.tenants[0].good, 140U);
  EXPECT_FALSE(summary.late);
}

TEST(Summary, PercentilesAreNotAveragesOfStages) {
  RunResult run;
  run.stages.resize(2);
  for (int i = 0; i < 99; ++i) run.requests.push_back(answered(0, seconds(i)));
  run.requests.push_back(answered(1, seconds(100)));
  run.requests.back().first_token += seconds(50);
  const RunSummary summary = summarize(run);
  EXPECT_EQ(summary.stages[1].ttft.percentile(50), 50'100'000'000);
  EXPECT_NEAR(static_cast<double>(summary.total.ttft.percentile(50)), 1e8, 1e8 / 1024);
  EXPECT_NEAR(static_cast<double>(summary.total.ttft.percentile(99)), 1e8, 1e8 / 1024);
}

TEST(Summary, RequestsThatWereNeverSentAreMissesWithoutTimes) {
  RunResult run;
  run.stages.resize(1);
  run.requests = {answered(0, seconds(5)), RequestRecord{}};
  const RunSummary summary = summarize(run);
  EXPECT_EQ(summary.total.tally.requests, 2U);
  EXPECT_EQ(summary.total.lateness.count(), 1U);
  EXPECT_NEAR(summary.total.seconds, 0.31, 1e-9);
}

TEST(Summary, TokenGapsComeFromTheRecordsOrFromTheRunner) {
  RunResult run;
  run.stages.resize(1);
  run.requests = {answered(0, seconds(0))};
  run.requests[0].token_times = {milliseconds(100), milliseconds(100), milliseconds(150)};
  EXPECT_EQ(summarize(run).total.itl.count(), 2U);
  EXPECT_EQ(summarize(run).total.itl.max(), 50'000'000);
  run.token_gaps.resize(1);
  run.token_gaps[0].record(7, 5);
  EXPECT_EQ(summarize(run).total.itl.count(), 5U);
}

TEST(Summary, SaysThatTheToolWasLate) {
  RunResult run = ladder({{1, 0}, {2, 0}});
  for (RequestRecord& record : run.requests) record.due -= milliseconds(record.stage == 1 ? 6 : 0);
  run.info.lateness_tolerated = milliseconds(5);
  EXPECT_TRUE(summarize(run).late);
  run.info.lateness_tolerated = milliseconds(7);
  EXPECT_FALSE(summarize(run).late);
}

TEST(Ladder, InterpolatesBetweenTheLastRateThatHeldAndTheNext) {
  // 100 % at 10, 85 % at 16: a straight line crosses 95 % a third of the way.
  const LadderGoodput found = goodput({{4, 0}, {10, 0}, {16, 15}, {20, 60}});
  EXPECT_DOUBLE_EQ(found.rate, 12);
  EXPECT_FALSE(found.at_least);
}

TEST(Ladder, TakesTheHighestRateThatHeld) {
  EXPECT_DOUBLE_EQ(goodput({{4, 0}, {10, 20}, {16, 5}, {20, 25}}).rate, 16);
  EXPECT_DOUBLE_EQ(goodput({{20, 25}, {4, 0}, {16, 5}, {10, 20}}).rate, 16);  // in any order
}

TEST(Ladder, SaysWhenItsEndsWereReached) {
  EXPECT_TRUE(goodput({{4, 0}, {10, 5}}).at_least);
  EXPECT_DOUBLE_EQ(goodput({{4, 0}, {10, 5}}).rate, 10);
  EXPECT_DOUBLE_EQ(goodput({{4, 6}, {10, 50}}).rate, 0);
  EXPECT_FALSE(goodput({{4, 6}, {10, 50}}).at_least);
}

TEST(Ladder, PoolsStagesOfOneRate) {
  // 10 is asked for twice, 4 and 10 misses: 93 % together.
  const LadderGoodput found = goodput({{5, 0}, {10, 4}, {10, 10}});
  EXPECT_NEAR(found.rate, 5 + 5 * 0.05 / 0.07, 1e-9);
}

TEST(Ladder, NeedsAnSloAndTwoRates) {
  RunResult run = ladder({{1, 0}, {2, 0}});
  run.info.slo = {};
  EXPECT_FALSE(summarize(run).ladder.has_value());
  EXPECT_FALSE(summarize(ladder({{1, 0}, {1, 0}})).ladder.has_value());
  run = ladder({{1, 0}, {2, 0}});
  run.stages[1].warm_up = true;
  EXPECT_FALSE(summarize(run).ladder.has_value());
}

}  // namespace
}  // namespace llmd::bench
