// SPDX-License-Identifier: Apache-2.0
#include "bench/report/run_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "bench/measure/synthetic_run.h"
#include "bench/report/text_table.h"

namespace llmd::bench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

size_t widest_line(const std::string& text) {
  size_t widest = 0;
  for (const std::string_view line : split(text, '\n')) {
    const auto columns = std::count_if(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    widest = std::max(widest, static_cast<size_t>(columns));
  }
  return widest;
}

std::string table_of(const RunResult& run) { return run_table(run, summarize(run)); }

TEST(Format, KeepsThreeDigitsAndTheUnitThatSuits) {
  EXPECT_EQ(format_ns(412'300), "412 us");
  EXPECT_EQ(format_ns(38'449'000), "38.4 ms");
  EXPECT_EQ(format_ns(999'600'000), "1.00 s");
  EXPECT_EQ(format_ns(125e9), "125 s");
  EXPECT_EQ(format_ns(0), "0 us");
  EXPECT_EQ(format_number(31245.2), "31,245");
  EXPECT_EQ(format_number(31.24), "31.2");
  EXPECT_EQ(format_number(0.03121), "0.0312");
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(0.251), "0.251");
  EXPECT_EQ(format_interval(31.24, 0.4), "31.2 ±0.4");
  EXPECT_EQ(format_count(1'204'511), "1,204,511");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_share(0.9131), "91.3 %");
  EXPECT_EQ(format_share(1), "100 %");
}

TEST(Format, TextFromOutsideCannotDriveTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\xff\xc2\x9b", 80), "a?[2Jb???");
  EXPECT_EQ(printable("Zürich ≤ x", 80), "Zürich ≤ x");
  EXPECT_EQ(printable("abcdef", 3), "abc");
}

TEST(RunTable, Fits100ColumnsAtAnySize) {
  RunResult run = SyntheticRun({.rates = {0.5, 12, 3000}, .stage_s = 20}).make();
  run.info.target = std::string(500, 'x');
  run.info.workload = std::string(500, 'w');
  EXPECT_LE(widest_line(table_of(run)), 100U);
}

TEST(RunTable, HasARowPerStageAndTheTotal) {
  const RunResult run = SyntheticRun({}).make();
  const std::string table = table_of(run);
  EXPECT_THAT(table, AllOf(HasSubstr("4.00 req/s"), HasSubstr("16.0 req/s"), HasSubstr("\nall ")));
  EXPECT_THAT(table, AllOf(HasSubstr("TTFT"), HasSubstr("p99.9"), HasSubstr("goodput")));
  EXPECT_THAT(table, HasSubstr("TTFT ≤ 2.00 s, TPOT ≤ 100 ms"));
  EXPECT_THAT(table, HasSubstr("429 - Rate Limit: the queue is full"));
  EXPECT_THAT(table, Not(HasSubstr("PARTIAL")));
}

TEST(RunTable, SaysWhatAReaderMustKnow) {
  RunResult run = SyntheticRun({}).make();
  run.info.partial = run.info.simulated = run.info.is_virtual = true;
  run.info.too_fast = true;
  run.info.time_scale = 4;
  run.info.lateness_tolerated = Duration(1);
  EXPECT_THAT(table_of(run), AllOf(HasSubstr("PARTIAL"), HasSubstr("LATE"), HasSubstr("SIMULATED"),
                                   HasSubstr("VIRTUAL"), HasSubstr("TOO FAST: at --time-scale 4"),
                                   HasSubstr("4 seconds of the run")));
}

TEST(RunTable, OfAnEmptyRunIsATable) {
  RunResult run;
  EXPECT_THAT(table_of(run), HasSubstr("stage"));
  run.stages.resize(1);
  run.requests.resize(3);
  EXPECT_THAT(table_of(run), HasSubstr("3 x Unfinished"));
}

TEST(ComparisonTable, NamesDifferencesAndNoise) {
  std::vector<TargetRuns> targets{{"a", {}}, {"b", {}}};
  for (uint64_t seed = 0; seed < 4; ++seed) {
    targets[0].repeats.push_back(summarize(SyntheticRun({.seed = seed, .error_share = 0}).make()));
    targets[1].repeats.push_back(
        summarize(SyntheticRun({.endpoints = 1, .seed = seed, .error_share = 0}).make()));
  }
  const std::string table = comparison_table(compare(targets));
  EXPECT_THAT(table, AllOf(HasSubstr("worse"), HasSubstr("inside the noise"), HasSubstr("±")));
  EXPECT_LE(widest_line(table), 100U);
}

}  // namespace
}  // namespace llmd::bench
