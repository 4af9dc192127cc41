// SPDX-License-Identifier: Apache-2.0
#include "bench/in_virtual_time/runner.h"

#include <gtest/gtest.h>

#include "bench/measure/summary.h"

namespace llmd::bench {
namespace {

class RunnerTest : public ::testing::Test {
 protected:
  RunResult run(const char* policy, std::span<const RunResult> rivals = {}) {
    const auto config = parse_config(R"(
api: {type: completion, streaming: true}
data:
  type: shared_prefix
  shared_prefix: {num_groups: 12, num_prompts_per_group: 4, system_prompt_len: 6000, question_len: 600, output_len: 20}
load:
  type: poisson
  stages:
  - {rate: 6, duration: 8}
  - {rate: 12, duration: 8}
)",
                                     "test");
    EXPECT_TRUE(config.ok()) << config.error().message;
    BenchConfig checked = *config;
    checked.report.slo.ttft_s = 0.3;
    VirtualBenchOptions options;
    options.profiles = {"qwen3-32b-tp2-h100"};
    options.endpoints = 3;
    options.policy = policy;
    auto result = run_virtual_bench(checked, options, rivals);
    EXPECT_TRUE(result.ok());
    return *std::move(result);
  }

  static double goodput(const RunResult& run) { return summarize(run).total.goodput(); }
};

TEST_F(RunnerTest, BestFoundIsNoWorseThanWhatDoesNotKnow) {
  const std::vector<RunResult> rivals{run("round-robin"), run("least-connections"), run("gateway")};
  const RunResult best = run("best-found", rivals);
  for (const RunResult& rival : rivals) EXPECT_GE(goodput(best), goodput(rival));
  EXPECT_GT(goodput(best), goodput(rivals[0]));
}

TEST_F(RunnerTest, BestFoundTakesARivalThatTheSearchDoesNotReach) {
  RunResult rival = run("gateway");
  for (RequestRecord& record : rival.requests) record.first_token = record.due;
  const std::vector<RunResult> rivals{rival};
  EXPECT_EQ(goodput(run("best-found", rivals)), goodput(rival));
}

}  // namespace
}  // namespace llmd::bench
