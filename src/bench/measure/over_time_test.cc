// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/over_time.h"

#include <gtest/gtest.h>

#include "bench/measure/summary.h"
#include "bench/measure/synthetic_run.h"

namespace llmd::bench {
namespace {

using std::chrono::seconds;

template <typename F>
double sum(const OverTime& series, F figure) {
  double total = 0;
  for (const TimeBin& bin : series.bins) total += figure(bin);
  return total;
}

TEST(OverTime, KeepsEveryTotalAtAnyResolution) {
  const RunResult run = SyntheticRun({.error_share = 0.1}).make();
  const RunSummary summary = summarize(run);
  double open_s = 0;
  for (const RequestRecord& record : run.requests) open_s += to_seconds(record.ended - record.sent);
  for (const size_t bins : {1, 7, 240, 5000}) {
    const OverTime series = over_time(run, bins);
    EXPECT_LE(series.bins.size(), bins);
    const Tally& tally = summary.total.tally;
    EXPECT_EQ(sum(series, [](const TimeBin& b) { return b.sent; }), run.requests.size());
    EXPECT_EQ(sum(series, [](const TimeBin& b) { return b.ended_ok; }), tally.ok());
    EXPECT_EQ(sum(series, [](const TimeBin& b) { return b.failed; }), tally.failed());
    EXPECT_NEAR(sum(series, [](const TimeBin& b) { return b.output_tokens; }),
                static_cast<double>(tally.output_tokens), 1e-3);
    const double bin_s = to_seconds(series.bin);
    EXPECT_NEAR(sum(series, [&](const TimeBin& b) { return (b.waiting + b.answering) * bin_s; }),
                open_s, 1e-3);
  }
}

TEST(OverTime, OfNothingIsOneEmptyBin) {
  EXPECT_EQ(over_time(RunResult{}, 100).bins.size(), 1U);
  EXPECT_TRUE(endpoints_over_time(RunResult{}, over_time(RunResult{}, 100))[0].empty());
}

TEST(OverTime, EndpointsAreMeansAndHitsOfTheStretch) {
  RunResult run;
  run.endpoints = {"unknown", "a", "b"};
  run.samples = {
      {.at = seconds(0), .endpoint = 1, .running = 2, .prefix_queries = 100},
      {.at = seconds(1), .endpoint = 1, .running = 4, .prefix_queries = 200, .prefix_hits = 50},
      {.at = seconds(9), .endpoint = 1, .waiting = 3, .prefix_queries = 300, .prefix_hits = 130}};
  const OverTime grid = over_time(run, 5);
  ASSERT_EQ(grid.bins.size(), 5U);
  const auto rows = endpoints_over_time(run, grid);
  EXPECT_TRUE(rows[0].empty());
  EXPECT_TRUE(rows[2].empty());
  ASSERT_EQ(rows[1].size(), 5U);
  EXPECT_DOUBLE_EQ(rows[1][0].running, 3);
  EXPECT_DOUBLE_EQ(rows[1][0].hit_ratio, 0.25);
  EXPECT_DOUBLE_EQ(rows[1][2].running, 3);  // no sample: the last one counts on
  EXPECT_DOUBLE_EQ(rows[1][2].hit_ratio, -1);
  EXPECT_DOUBLE_EQ(rows[1][4].waiting, 3);
  EXPECT_DOUBLE_EQ(rows[1][4].hit_ratio, 0.8);
}

}  // namespace
}  // namespace llmd::bench
