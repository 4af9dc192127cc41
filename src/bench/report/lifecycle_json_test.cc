// SPDX-License-Identifier: Apache-2.0
#include "bench/report/lifecycle_json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "bench/measure/synthetic_run.h"

namespace llmd::bench {
namespace {

using Json = nlohmann::json;

Json lifecycle(const RunResult& run, std::optional<uint32_t> stage = {}) {
  return Json::parse(lifecycle_json(run, summarize(run), stage));
}

Json per_request(const RunResult& run) {
  const std::string path = testing::TempDir() + "per_request.json";
  EXPECT_TRUE(write_per_request_json(path, run).ok());
  const auto text = read_file(path, size_t{1} << 30);
  std::filesystem::remove(path);
  return Json::parse(text.value());
}

/// Everything that an endpoint, a user or a file could have put into a report.
RunResult hostile_run() {
  RunResult run = SyntheticRun({.rates = {5, 9}, .stage_s = 10, .error_share = 0.3}).make();
  using std::string_literals::operator""s;  // keeps what stands behind a NUL
  const std::string evil = "</script>\"\\\n\x01\xff\x7f\0<b>"s;
  run.info.target = run.info.model = run.info.workload = evil;
  run.endpoints[1] = run.tenants[1] = evil;
  for (RequestRecord& record : run.requests) record.error = evil;
  return run;
}

TEST(LifecycleJson, HasInferencePerfsFields) {
  const Json summary = lifecycle(SyntheticRun({.keeps_token_times = true}).make());
  for (const char* path : {"/benchmark_time_seconds",
                           "/load_summary/count",
                           "/load_summary/schedule_delay/p99",
                           "/successes/count",
                           "/successes/latency/request_latency/median",
                           "/successes/latency/normalized_time_per_output_token/p99.9",
                           "/successes/latency/time_per_output_token/p0.1",
                           "/successes/latency/time_to_first_token/p90",
                           "/successes/latency/inter_token_latency/max",
                           "/successes/throughput/input_tokens_per_sec",
                           "/successes/throughput/output_tokens_per_sec",
                           "/successes/throughput/total_tokens_per_sec",
                           "/successes/throughput/requests_per_sec",
                           "/successes/prompt_tokens/uncached",
                           "/successes/output_len/mean",
                           "/successes/output_tokens/total",
                           "/successes/goodput_metrics/goodput_percentage",
                           "/successes/goodput_metrics/tpot_attainment_percentage",
                           "/failures/count",
                           "/failures/request_latency/mean",
                           "/failures/by_label/429 - Rate Limit/count"}) {
    EXPECT_TRUE(summary.contains(Json::json_pointer(path)) &&
                summary[Json::json_pointer(path)].is_number())
        << path;
  }
}

TEST(LifecycleJson, HasThePercentilesThatWereAskedFor) {
  RunResult run = SyntheticRun({}).make();
  run.info.percentiles = {50, 99.95, 0.5};
  const Json summary = lifecycle(run);
  const Json& latency = summary["successes"]["latency"]["request_latency"];
  std::vector<std::string> keys;
  for (const auto& [key, value] : latency.items()) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(keys, (std::vector<std::string>{"max", "mean", "median", "min", "p0.5", "p99.95"}));
  EXPECT_LE(latency["p0.5"], latency["median"]);
  EXPECT_LE(latency["median"], latency["p99.95"]);
  run.info.percentiles = {};
  EXPECT_EQ(lifecycle(run)["successes"]["latency"]["request_latency"].size(), 3U);
}

TEST(LifecycleJson, StagesAddUpToTheSummary) {
  const RunResult run = SyntheticRun({.error_share = 0.05}).make();
  const Json summary = lifecycle(run);
  uint64_t requests = 0, failures = 0, tokens = 0;
  for (uint32_t i = 0; i < run.stages.size(); ++i) {
    const Json stage = lifecycle(run, i);
    requests += stage["load_summary"]["count"].get<uint64_t>();
    failures += stage["failures"]["count"].get<uint64_t>();
    tokens += stage["successes"]["prompt_tokens"]["total"].get<uint64_t>();
    EXPECT_EQ(stage["load_summary"]["requested_rate"], run.stages[i].rate);
  }
  EXPECT_EQ(summary["load_summary"]["count"], requests);
  EXPECT_EQ(summary["failures"]["count"], failures);
  EXPECT_EQ(summary["successes"]["prompt_tokens"]["total"], tokens);
  EXPECT_EQ(requests, run.requests.size());
  uint64_t labelled = 0;
  for (const Json& group : summary["failures"]["by_label"]) labelled += group["count"].get<int>();
  EXPECT_EQ(labelled, failures);
}

TEST(LifecycleJson, AnythingFromOutsideGivesValidJson) {
  const RunResult run = hostile_run();
  EXPECT_GT(lifecycle(run)["failures"]["count"], 0);
  EXPECT_EQ(per_request(run).size(), run.requests.size());
}

TEST(LifecycleJson, WhatWasNotMeasuredIsNull) {
  RunResult run;
  run.stages.resize(1);
  run.requests.resize(2);
  const Json summary = lifecycle(run);
  EXPECT_TRUE(summary["successes"]["latency"]["time_to_first_token"].is_null());
  EXPECT_FALSE(summary["successes"].contains("goodput_metrics"));
  EXPECT_EQ(summary["llmd"]["unfinished"], 2);
}

TEST(PerRequestJson, AgreesWithTheSummary) {
  RunResult run = SyntheticRun({.stage_s = 15, .keeps_token_times = true}).make();
  run.stages[0].warm_up = true;
  const Json entries = per_request(run);
  const Json summary = lifecycle(run);
  uint64_t failures = 0, tokens = 0;
  double latency = 0;
  for (const Json& entry : entries) {
    EXPECT_NE(entry["llmd"]["stage"], 0);
    failures += entry["error"].is_null() ? 0 : 1;
    if (!entry["error"].is_null()) continue;
    tokens += entry["info"]["response_metrics"]["output_tokens"].get<uint64_t>();
    latency += entry["computed_metrics"]["request_latency"].get<double>();
    EXPECT_EQ(entry["info"]["response_metrics"]["output_token_times"].size(),
              entry["computed_metrics"]["output_tokens"].get<size_t>());
  }
  EXPECT_EQ(summary["failures"]["count"], failures);
  EXPECT_EQ(summary["successes"]["output_tokens"]["total"], tokens);
  EXPECT_NEAR(summary["successes"]["latency"]["request_latency"]["mean"].get<double>(),
              latency / static_cast<double>(entries.size() - failures), 1e-9);
}

TEST(PerRequestJson, SaysThatItCouldNotBeWritten) {
  EXPECT_FALSE(write_per_request_json("/nowhere/at/all.json", RunResult{}).ok());
}

}  // namespace
}  // namespace llmd::bench
