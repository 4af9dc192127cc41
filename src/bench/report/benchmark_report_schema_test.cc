// SPDX-License-Identifier: Apache-2.0
// The report against what upstream's schema demands. The facts are from llm-d-benchmark's
// benchmark-report/llmd_benchmark_report/schema_v0_2.py, schema_v0_2_1.py and
// br_v0_2_1_json_schema.json, with the enumerations of its base.py and schema_v0_2_components.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "bench/measure/synthetic_run.h"
#include "bench/report/benchmark_report.h"

namespace llmd::bench {
namespace {

/// Fails the test when the node at `path` is not what the schema has there.
using Rule = std::function<void(const YAML::Node& node, const std::string& path)>;

struct Member {
  Rule rule;
  bool required = false;
};
using Members = std::map<std::string, Member>;

Rule text() {
  return [](const YAML::Node& node, const std::string& path) {
    EXPECT_TRUE(node.IsScalar()) << path;
    EXPECT_EQ(node.Tag(), "!") << path << ": not quoted, so it may be read as something else";
  };
}

/// Quoted or not: what it says is no number, date or truth.
Rule one_of(std::set<std::string> words) {
  return [words](const YAML::Node& node, const std::string& path) {
    EXPECT_TRUE(node.IsScalar() && words.contains(node.Scalar())) << path << ": " << node;
  };
}

Rule number(double low = -HUGE_VAL) {
  return [low](const YAML::Node& node, const std::string& path) {
    double value = 0;
    ASSERT_TRUE(node.IsScalar() && node.Tag() == "?" && YAML::convert<double>::decode(node, value))
        << path;
    EXPECT_TRUE(std::isfinite(value) && value >= low) << path << ": " << value;
    // PyYAML reads an exponent without a point as a string.
    EXPECT_EQ(node.Scalar().find_first_not_of("-.0123456789"), std::string::npos) << path;
  };
}

Rule whole(int64_t low = 0) {
  return [low](const YAML::Node& node, const std::string& path) {
    number(static_cast<double>(low))(node, path);
    EXPECT_EQ(node.Scalar().find('.'), std::string::npos) << path << ": " << node;
  };
}

Rule above_zero() {
  return [](const YAML::Node& node, const std::string& path) {
    number(0)(node, path);
    EXPECT_GT(node.as<double>(), 0) << path;
  };
}

Rule truth() { return one_of({"true", "false"}); }
Rule anything() {
  return [](const YAML::Node&, const std::string&) {};
}

/// ISO 8601, in UTC.
Rule moment() {
  return [](const YAML::Node& node, const std::string& path) {
    text()(node, path);
    EXPECT_THAT(node.Scalar(), testing::MatchesRegex("....-..-..T..:..:..Z")) << path;
  };
}

Rule span_of_time() {
  return [](const YAML::Node& node, const std::string& path) {
    text()(node, path);
    EXPECT_TRUE(node.Scalar().starts_with("PT") && node.Scalar().ends_with("S")) << path;
  };
}

/// No member but these, which is what pydantic's extra="forbid" means; `open` allows others.
Rule map_of(Members members, bool open = false) {
  return [members, open](const YAML::Node& node, const std::string& path) {
    ASSERT_TRUE(node.IsMap()) << path;
    for (const auto& [name, member] : members) {
      EXPECT_TRUE(!member.required || node[name].IsDefined()) << path << " lacks " << name;
    }
    std::set<std::string> seen;
    for (const auto& each : node) {
      const auto name = each.first.as<std::string>();
      EXPECT_TRUE(seen.insert(name).second) << path << " has " << name << " twice";
      const auto found = members.find(name);
      EXPECT_TRUE(open || found != members.end()) << path << " may have no " << name;
      if (found != members.end()) found->second.rule(each.second, path + '.' + name);
    }
  };
}

Rule list_of(Rule item) {
  return [item](const YAML::Node& node, const std::string& path) {
    ASSERT_TRUE(node.IsSequence()) << path;
    for (size_t i = 0; i < node.size(); ++i) item(node[i], path + '[' + std::to_string(i) + ']');
  };
}

/// Upstream ignores what else stands in them, so a misspelt percentile would be lost in silence.
Rule statistics(std::set<std::string> units) {
  Members members{{"units", {one_of(std::move(units)), true}}, {"mean", {number(), true}}};
  for (const char* name : {"mode", "min", "p0p1", "p1", "p5", "p10", "p25", "p50", "p75", "p90",
                           "p95", "p99", "p99p9", "max"}) {
    members[name] = {number()};
  }
  members["stddev"] = {number(0)};
  return map_of(std::move(members));
}

const std::set<std::string> kQuantity{"count"};
const std::set<std::string> kPortion{"percent", "fraction"};
const std::set<std::string> kTime{"ms", "s"};
const std::set<std::string> kPerToken{"ms/token", "s/token"};
const std::set<std::string> kTokens{"tokens/s"};
const std::set<std::string> kQueries{"queries/s"};

Rule native() {
  return map_of(
      {{"args", {map_of({}, true)}}, {"envars", {map_of({}, true)}}, {"config", {anything()}}});
}

Rule run() {
  return map_of(
      {{"uid", {text(), true}},
       {"eid", {text()}},
       {"cid", {text()}},
       {"pid", {text()}},
       {"time",
        {map_of({{"start", {moment()}}, {"end", {moment()}}, {"duration", {span_of_time()}}})}},
       {"user", {text()}},
       {"description", {text()}},
       {"keywords", {list_of(text())}}});
}

Rule component() {
  const Rule metadata = map_of({{"schema_version", {text()}},
                                {"label", {text(), true}},
                                {"cfg_id", {text(), true}},
                                {"description", {text()}}});
  const Rule generic = map_of({{"kind", {one_of({"generic"}), true}},
                               {"tool", {text(), true}},
                               {"tool_version", {text(), true}},
                               {"simulated", {truth()}}},  // ours
                              true);
  return map_of({{"metadata", {metadata, true}},
                 {"standardized", {generic, true}},
                 {"native", {native(), true}}});
}

Rule sequence_length() {
  return map_of({{"distribution", {one_of({"fixed", "gaussian", "uniform", "other"}), true}},
                 {"value", {number(0), true}},
                 {"std_dev", {number(0)}},
                 {"min", {whole(0)}},
                 {"max", {whole(1)}}});
}

Rule load() {
  const Rule metadata =
      map_of({{"schema_version", {text()}}, {"cfg_id", {text()}}, {"description", {text()}}});
  const Rule standardized = map_of({{"tool", {text(), true}},
                                    {"tool_version", {text(), true}},
                                    {"parallelism", {whole(1)}},
                                    {"source", {one_of({"random", "sampled", "unknown"}), true}},
                                    {"stage", {whole(0)}},
                                    {"input_seq_len", {sequence_length(), true}},
                                    {"output_seq_len", {sequence_length()}},
                                    {"rate_qps", {above_zero()}},
                                    {"concurrency", {whole(1)}}});
  return map_of({{"metadata", {metadata, true}},
                 {"standardized", {standardized, true}},
                 {"native", {native(), true}}});
}

Rule aggregate() {
  const Rule requests = map_of({{"total", {whole(0), true}},
                                {"failures", {whole(0)}},
                                {"incomplete", {whole(0)}},
                                {"input_length", {statistics(kQuantity)}},
                                {"output_length", {statistics(kQuantity)}}});
  const Rule latency = map_of({{"time_to_first_token", {statistics(kTime)}},
                               {"normalized_time_per_output_token", {statistics(kPerToken)}},
                               {"time_per_output_token", {statistics(kPerToken)}},
                               {"inter_token_latency", {statistics(kPerToken)}},
                               {"request_latency", {statistics(kTime)}}});
  const Rule throughput = map_of({{"input_token_rate", {statistics(kTokens)}},
                                  {"output_token_rate", {statistics(kTokens)}},
                                  {"total_token_rate", {statistics(kTokens)}},
                                  {"request_rate", {statistics(kQueries)}}});
  return map_of({{"requests", {requests}}, {"latency", {latency}}, {"throughput", {throughput}}});
}

Rule observed() {
  const Rule resources = map_of({{"kv_cache_usage", {statistics(kPortion)}},
                                 {"cache_hit_rate", {statistics(kPortion)}},
                                 {"running_requests", {statistics(kQuantity)}},
                                 {"waiting_requests", {statistics(kQuantity)}}});
  // The label is that of a component of the scenario's stack.
  return map_of({{"component_label", {one_of({"target"}), true}},
                 {"replica_id", {text()}},
                 {"aggregate", {resources}}});
}

Rule report() {
  const Rule scenario = map_of({{"stack", {list_of(component())}}, {"load", {load()}}});
  const Rule results =
      map_of({{"request_performance", {map_of({{"aggregate", {aggregate()}}})}},
              {"observability", {map_of({{"components", {list_of(observed())}}})}}});
  return map_of({{"version", {one_of({"0.2.1"}), true}},
                 {"run", {run(), true}},
                 {"scenario", {scenario}},
                 {"results", {results, true}}});
}

void check_every_stage(const RunResult& result) {
  const RunSummary summary = summarize(result);
  for (uint32_t stage = 0; stage < result.stages.size(); ++stage) {
    report()(YAML::Load(benchmark_report(result, summary, stage)), "report");
  }
}

TEST(BenchmarkReportSchema, HoldsForARun) {
  check_every_stage(SyntheticRun({.error_share = 0.2, .keeps_token_times = true}).make());
}

TEST(BenchmarkReportSchema, HoldsWhereNothingWasMeasured) {
  RunResult result;
  result.stages.resize(2);
  result.stages[1].concurrency = 3;
  result.requests.resize(2);
  check_every_stage(result);
}

TEST(BenchmarkReportSchema, HoldsForNumbersOfAnySize) {
  RunResult result = SyntheticRun({.rates = {1e-7, 4}, .stage_s = 5}).make();
  for (RequestRecord& record : result.requests) {
    record.first_token = record.sent + Duration(1);
    record.prompt_tokens = UINT32_MAX;
  }
  check_every_stage(result);
}

TEST(BenchmarkReportSchema, ARunInVirtualTimeHasNoDate) {
  RunResult result = SyntheticRun({}).make();
  result.info.started_unix_s = 0;
  check_every_stage(result);
  const YAML::Node time = YAML::Load(benchmark_report(result, summarize(result), 0))["run"]["time"];
  EXPECT_EQ(time.size(), 1U);
  EXPECT_TRUE(time["duration"].IsDefined());
}

}  // namespace
}  // namespace llmd::bench
