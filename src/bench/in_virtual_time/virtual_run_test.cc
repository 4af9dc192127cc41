// SPDX-License-Identifier: Apache-2.0
#include "bench/in_virtual_time/virtual_run.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "bench/measure/summary.h"
#include "engine/api/engine_process.h"
#include "engine/api/simulated_kind.h"

namespace llmd::bench {
namespace {

using std::chrono::seconds;

class VirtualRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    engine::EngineProcessOptions options;
    options.simulated.emplace();
    options.simulated->profile = "qwen3-32b-tp2-h100";
    auto kind = engine::load_simulated_kind(options);
    ASSERT_TRUE(kind.ok());
    kinds_.push_back(*std::move(kind));
  }

  RunResult run(const std::string& policy, double rate, uint64_t seed = 1) {
    SharedPrefixOptions data;
    data.groups = 40;
    data.prompts_per_group = 5;
    data.system_prompt = Distribution::fixed(6000);
    data.question = Distribution::fixed(1200);
    data.output = Distribution::fixed(50);
    auto workload = make_workload(data, seed, {});
    VirtualRunOptions options;
    options.endpoints = 4;
    options.body.model = kinds_.front()->shape().model_name;
    options.seed = options.load.seed = seed;
    Stage stage;
    stage.kind = LoadKind::kPoisson;
    stage.rate = rate;
    stage.duration = seconds(40);
    options.load.stages = {stage};
    options.policy = [&](const PolicySurroundings& around) { return make_policy(policy, around); };
    options.interrupted = &interrupted_;
    options.restarts = restarts_;
    auto result = run_in_virtual_time(kinds_, **workload, *make_words4_text(), options, RunInfo{});
    EXPECT_TRUE(result.ok());
    return *std::move(result);
  }

  static std::vector<size_t> requests_by_endpoint(const RunResult& result) {
    std::vector<size_t> counts(result.endpoints.size());
    for (const RequestRecord& record : result.requests) ++counts[record.endpoint];
    return counts;
  }

  Kinds kinds_;
  volatile std::sig_atomic_t interrupted_ = 0;
  std::vector<Duration> restarts_;
};

TEST_F(VirtualRunTest, AnInterruptEndsItAndMarksIt) {
  EXPECT_FALSE(run("gateway", 1).info.partial);
  interrupted_ = 1;
  const RunResult result = run("gateway", 1);
  EXPECT_TRUE(result.info.partial);
  EXPECT_LT(result.requests.size(), 10U);
}

TEST_F(VirtualRunTest, EveryRequestIsAnsweredInFull) {
  const RunResult result = run("gateway", 4);
  ASSERT_GT(result.requests.size(), 100U);
  for (const RequestRecord& record : result.requests) {
    EXPECT_EQ(record.outcome, Outcome::kOk) << record.error;
    EXPECT_EQ(record.prompt_tokens, 7200U);
    EXPECT_EQ(record.output_tokens, 50U);
    EXPECT_EQ(record.due, record.sent);
    EXPECT_LT(record.sent, record.first_token);
    EXPECT_LT(record.first_token, record.last_token);
  }
  EXPECT_TRUE(result.info.is_virtual);
  EXPECT_GT(result.samples.size(), 40U * 4);
}

TEST_F(VirtualRunTest, TheSameSeedGivesTheSameRun) {
  for (const char* policy : {"gateway", "gateway-kv-events", "least-connections"}) {
    const RunResult one = run(policy, 8, 7);
    const RunResult two = run(policy, 8, 7);
    ASSERT_EQ(one.requests.size(), two.requests.size());
    for (size_t i = 0; i < one.requests.size(); ++i) {
      EXPECT_EQ(one.requests[i].endpoint, two.requests[i].endpoint);
      EXPECT_EQ(one.requests[i].last_token, two.requests[i].last_token);
    }
    EXPECT_NE(run(policy, 8, 8).requests.front().due, one.requests.front().due);
  }
}

TEST_F(VirtualRunTest, RoundRobinSpreadsEvenly) {
  const auto counts = requests_by_endpoint(run("round-robin", 6));
  const auto [least, most] = std::minmax_element(counts.begin() + 1, counts.end());
  EXPECT_LE(*most - *least, 1U);
}

TEST_F(VirtualRunTest, LeastConnectionsSendsToTheIdle) {
  // Each is answered before the next comes, so all are idle and taken in turn.
  const auto counts = requests_by_endpoint(run("least-connections", 0.25));
  const auto [least, most] = std::minmax_element(counts.begin() + 1, counts.end());
  EXPECT_LE(*most - *least, 1U);
}

TEST_F(VirtualRunTest, TheGatewayFindsTheCache) {
  const auto hits = [&](const char* policy) {
    return summarize(run(policy, 8)).total.tally.cache_hit_ratio();
  };
  EXPECT_GT(hits("gateway"), hits("round-robin") + 0.1);
  EXPECT_GT(hits("gateway-kv-events"), hits("round-robin") + 0.1);
}

TEST_F(VirtualRunTest, ARestartFailsWhatRunsThereAndLosesTheCache) {
  const RunResult whole = run("round-robin", 4);
  restarts_ = {seconds(20)};
  for (const char* policy : {"round-robin", "gateway", "gateway-kv-events"}) {
    const RunResult result = run(policy, 4);
    ASSERT_EQ(result.requests.size(), whole.requests.size());
    for (const RequestRecord& record : result.requests) {
      if (record.outcome == Outcome::kOk) continue;
      EXPECT_EQ(record.status, 502);
      EXPECT_EQ(record.endpoint, 1U);
      EXPECT_EQ(record.ended, seconds(20));
    }
    EXPECT_GT(std::ranges::count(result.requests, 502, &RequestRecord::status), 0);
    const auto is_first_after = [](const RequestRecord& record) {
      return record.endpoint == 1 && record.sent > seconds(20);
    };
    const auto first = std::ranges::find_if(result.requests, is_first_after);
    ASSERT_NE(first, result.requests.end());
    EXPECT_EQ(first->cached_tokens, 0U);
  }
}

TEST_F(VirtualRunTest, AnUnknownPolicyIsRefusedWithTheNearest) {
  VirtualTime time;
  const auto policy = make_policy("round-robbin", {time, {}});
  ASSERT_FALSE(policy.ok());
  EXPECT_NE(policy.error().message.find("round-robin"), std::string::npos);
}

}  // namespace
}  // namespace llmd::bench
