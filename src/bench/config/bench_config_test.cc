// SPDX-License-Identifier: Apache-2.0
#include "bench/config/bench_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/config/flags.h"

namespace llmd::bench {
namespace {

constexpr std::string_view kGuide = R"(
api: {type: completion, streaming: true}
data:
  type: shared_prefix
  shared_prefix: {num_groups: 150, num_prompts_per_group: 5, system_prompt_len: 6000,
                  question_len: 1200, output_len: 1000}
load:
  type: poisson
  num_workers: 4
  stages:
  - {rate: 15, duration: 50}
  - {rate: 3, duration: 20}
server: {type: vllm, base_url: "http://127.0.0.1:8000", api_key: hidden}
report: {goodput: {constraints: {ttft: 2, tpot: 0.1}}}
)";

TEST(BenchConfig, ReadsAGuidesWorkload) {
  const auto config = parse_config(kGuide, "guide.yml");
  ASSERT_TRUE(config) << config.error().message;
  const auto& data = std::get<SharedPrefixOptions>(config->data);
  EXPECT_EQ(data.groups, 150U);
  EXPECT_EQ(data.system_prompt, Distribution::fixed(6000));
  ASSERT_EQ(config->load.stages.size(), 2U);
  EXPECT_EQ(config->load.stages[0].kind, LoadKind::kPoisson);
  EXPECT_DOUBLE_EQ(config->report.slo.tpot_s, 0.1);
  EXPECT_TRUE(check_config(*config));
}

TEST(BenchConfig, PrintsWhatItReadsBackWithoutTheKey) {
  const std::string printed = print_config(*parse_config(kGuide, "guide.yml"));
  EXPECT_EQ(printed.find("hidden"), std::string::npos);
  const auto again = parse_config(printed, "printed.yml");
  ASSERT_TRUE(again) << again.error().message << "\n" << printed;
  EXPECT_EQ(print_config(*again), printed);
}

std::string error_of(std::string_view text) {
  const auto config = parse_config(text, "c.yml");
  return config ? "" : config.error().message;
}

TEST(BenchConfig, UnknownKeysAreNamedWithTheNearest) {
  const std::string error = error_of("load:\n  stagess: []\n");
  EXPECT_TRUE(error.starts_with("c.yml:2:")) << error;
  EXPECT_NE(error.find("did you mean stages?"), std::string::npos) << error;
}

TEST(BenchConfig, UpstreamsOtherKeysAreRefusedByName) {
  EXPECT_NE(error_of("metrics: {prometheus: {url: x}}").find("--metrics"), std::string::npos);
  EXPECT_NE(error_of("data: {type: shareGPT}").find("shareGPT"), std::string::npos);
  EXPECT_NE(error_of("load: {lora_traffic_split: [x]}").find("model_name"), std::string::npos);
}

std::vector<std::string> unused_of(std::string_view text) {
  const auto config = parse_config(text, "c.yml");
  EXPECT_TRUE(config) << config.error().message;
  std::vector<std::string> keys;
  for (const Unused& each : config->unused) keys.push_back(each.key);
  return keys;
}

TEST(BenchConfig, KeysWithoutEffectAreTold) {
  using testing::ElementsAre;
  using testing::IsEmpty;
  EXPECT_THAT(unused_of("load: {num_workers: 4, worker_max_concurrency: 9}"),
              ElementsAre("load.num_workers", "load.worker_max_concurrency"));
  EXPECT_THAT(unused_of("data: {type: random, shared_prefix: {num_groups: 3}}"),
              ElementsAre("data.shared_prefix"));
  EXPECT_THAT(unused_of("tokenizer: {token: x, trust_remote_code: false}"),
              ElementsAre("tokenizer.token"));
  // What is done anyway is no surprise.
  EXPECT_THAT(unused_of("report: {request_lifecycle: {summary: true, per_adapter: false}}"),
              IsEmpty());
  EXPECT_THAT(
      unused_of("report: {request_lifecycle: {summary: false, per_adapter: true}}"),
      ElementsAre("report.request_lifecycle.summary", "report.request_lifecycle.per_adapter"));
}

TEST(BenchConfig, WhatIsUnusedIsOneLineByReason) {
  EXPECT_EQ(unused_words({}), "");
  const std::vector<Unused> unused{{"a", "one"}, {"b", "two"}, {"c", "one"}};
  EXPECT_EQ(unused_words(unused), "without effect here: a, c (one); b (two)");
}

TEST(BenchConfig, VirtualTimeTellsWhatItDoesNotLookAt) {
  EXPECT_TRUE(unused_in_virtual_time(BenchConfig{}).empty());
  BenchConfig config = *parse_config(kGuide, "guide.yml");
  config.time_scale = 3;
  std::vector<std::string> keys;
  for (const Unused& each : unused_in_virtual_time(config)) keys.push_back(each.key);
  EXPECT_THAT(keys, testing::ElementsAre("server.base_url", "server.api_key", "--time-scale"));
}

TEST(BenchConfig, PercentilesThatReadAlikeAreOne) {
  const auto config =
      parse_config("report: {request_lifecycle: {percentiles: [50, 99.5, 50.0, 0, 100]}}", "c.yml");
  ASSERT_TRUE(config);
  EXPECT_THAT(config->report.percentiles, testing::ElementsAre(50, 99.5, 0, 100));
  EXPECT_NE(error_of("report: {request_lifecycle: {percentiles: [101]}}").find("percentiles"),
            std::string::npos);
  EXPECT_THAT(parse_config("{}", "c.yml")->report.percentiles, testing::SizeIs(11));
}

TEST(BenchConfig, ASpeedBelongsToTheTimesOfATrace) {
  EXPECT_NE(error_of("data: {trace: {file: x, speed: 2}}").find("load.trace"), std::string::npos);
}

TEST(BenchFlags, ChangeTheFile) {
  BenchConfig config = *parse_config(kGuide, "guide.yml");
  BenchFlags flags;
  flags.rates = {7};
  flags.duration_s = 3;
  flags.output_tokens = 5;
  flags.tenants = {"gold=3@high"};
  flags.slo = "ttft=1";
  ASSERT_TRUE(apply_flags(flags, config));
  ASSERT_EQ(config.load.stages.size(), 1U);
  EXPECT_DOUBLE_EQ(config.load.stages[0].rate, 7);
  EXPECT_EQ(std::get<SharedPrefixOptions>(config.data).output, Distribution::fixed(5));
  EXPECT_EQ(config.load.tenants[0].objective, "high");
  EXPECT_DOUBLE_EQ(config.report.slo.tpot_s, 0);
}

TEST(BenchFlags, RefuseWhatMakesNoSense) {
  const auto refused = [](void (*set)(BenchFlags&)) {
    BenchFlags flags;
    set(flags);
    BenchConfig config;
    return !apply_flags(flags, config).ok();
  };
  EXPECT_TRUE(refused([](BenchFlags& flags) { flags.shared_prefix = "8by10"; }));
  EXPECT_TRUE(refused([](BenchFlags& flags) { flags.rates = {1}; }));
  EXPECT_TRUE(refused([](BenchFlags& flags) { flags.slo = "ttf=1"; }));
  EXPECT_TRUE(refused([](BenchFlags& flags) { flags.tenants = {"a=-1"}; }));
  EXPECT_FALSE(refused([](BenchFlags& flags) { flags.shared_prefix = "8x10"; }));
}

}  // namespace
}  // namespace llmd::bench
