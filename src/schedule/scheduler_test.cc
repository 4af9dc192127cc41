// SPDX-License-Identifier: Apache-2.0
#include "schedule/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "endpoints/metrics_reader.h"
#include "schedule/default_config.h"

namespace llmd::schedule {
namespace {

using testing::HasSubstr;

Result<std::unique_ptr<Scheduler>> make(const std::string& rest) {
  const auto config = resources::parse_endpoint_picker_config(
      "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n" + rest, "f.yaml");
  if (!config) return config.error();
  return Scheduler::make(*config, 1);
}
std::string error(const std::string& rest) { return make(rest).error().message; }

/// The configuration of one of llm-d's well-lit paths, as its guide has it.
Result<std::unique_ptr<Scheduler>> make_guide(const std::string& name) {
  const auto config = resources::load_endpoint_picker_config("tests/configs/" + name + ".yaml");
  if (!config) return config.error();
  return Scheduler::make(*config, 1);
}

TEST(Scheduler, LoadsTheGuidesConfigurations) {
  for (const char* guide : {"optimized_baseline", "precise_prefix_cache_routing",
                            "pd_disaggregation", "tiered_prefix_cache", "flow_control"}) {
    const auto scheduler = make_guide(guide);
    EXPECT_TRUE(scheduler.ok()) << scheduler.error().message;
  }
}

TEST(Scheduler, SaysWhatAStandInLacks) {
  const auto scheduler = make_guide("precise_prefix_cache_routing");
  ASSERT_TRUE(scheduler.ok());
  EXPECT_THAT(scheduler.value()->warnings(), testing::SizeIs(1));
}

TEST(Scheduler, RefusesWhatItCannotDo) {
  EXPECT_THAT(error("plugins: [{type: queue-scorr}]\n"), HasSubstr("did you mean queue-scorer?"));
  EXPECT_THAT(error("plugins: [{type: latency-scorer}]\n"), HasSubstr("cannot do it yet"));
  EXPECT_THAT(error("plugins: [{type: queue-scorer, parameters: {weight: 1}}]\n"),
              HasSubstr("f.yaml:3"));
  EXPECT_THAT(error("plugins: [{type: random-picker}, {type: max-score-picker}]\n"),
              HasSubstr("has a picker already"));
  EXPECT_THAT(error("plugins: [{type: prefix-cache-scorer, parameters: "
                    "{prefixMatchInfoProducerName: queue-scorer}}]\n"),
              HasSubstr("cannot be used in this place"));
  EXPECT_THAT(error("plugins: [{type: disagg-profile-handler}]\n"),
              HasSubstr("there is no scheduling profile decode"));
  EXPECT_THAT(error("plugins: [{type: pd-profile-handler, parameters: {primaryPort: 8000}}]\n"),
              HasSubstr("ranks are endpoints here"));
}

/// The error of a configuration whose core-metrics-extractor has these parameters, and with it a
/// plugin of this type and parameters.
std::string extractor_error(const std::string& parameters, const std::string& plugin) {
  return error("plugins:\n- type: core-metrics-extractor\n  parameters: " + parameters + "\n- " +
               plugin + "\n");
}

TEST(Scheduler, EnginesMetricsAreAsTheExtractorSays) {
  const auto made = make(R"(plugins:
- type: endpoint-attribute-scorer
  parameters: {attributeKey: d, algorithm: {type: linear_lower_is_better}}
- {type: endpoint-attribute-filter, parameters: {attribute: e, producer: metrics, algorithm: {
    type: range, range: {min: -1, max: 1}}}}
- type: core-metrics-extractor
  name: metrics
  parameters:
    engineLabelKey: engine
    defaultEngine: mine
    engineConfigs:
    - name: mine
      queuedRequestsSpec: "q{kind=waiting}"
      runningRequestsSpec: ""
      cacheInfoSpec: config
      cacheBlockSizeLabelName: size
      customMetrics:
      - {attributeKey: d, metricSpec: depth, optional: true}
      - {attributeKey: e, metricSpec: "depth{a=\"b\"}"}
    - {name: sglang, queuedRequestsSpec: q}
)");
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_THAT(made.value()->warnings(), testing::SizeIs(4));
  const auto& metrics = made.value()->engine_metrics();
  const endpoints::Endpoint unlabelled({.name = "a", .address = "::1", .labels = {}}, 0);
  const endpoints::Endpoint labelled(
      {.name = "a", .address = "::1", .labels = {{"engine", "sglang"}}}, 0);
  endpoints::MetricsReader reader(metrics.of(unlabelled));
  reader.read(
      "q{kind=\"waiting\"} 3\nq{kind=\"other\"} 4\nvllm:num_requests_running 9\ndepth 5\n"
      "depth{a=\"b\"} 6\nconfig{size=\"8\",num_gpu_blocks=\"10\"} 1\n"
      "process_start_time_seconds 7\n");
  const endpoints::Scrape scrape = reader.finish();
  EXPECT_EQ(scrape.waiting, 3);
  EXPECT_EQ(scrape.running, 0);
  EXPECT_EQ(scrape.cache_tokens, 80U);
  EXPECT_EQ(scrape.process_start_s, 7);
  EXPECT_EQ(scrape.attribute("d"), 5);
  EXPECT_EQ(scrape.attribute("e"), 6);
  endpoints::MetricsReader sglang(metrics.of(labelled));
  sglang.read("sglang:num_running_reqs 3\nsglang:prompt_tokens_total 4\nq 2\n");
  EXPECT_EQ(sglang.finish().running, 0);
  EXPECT_EQ(sglang.finish().prefix_queries, 4);
  EXPECT_EQ(sglang.finish().waiting, 2);
}

TEST(Scheduler, RefusesEnginesMetricsThatMakeNoSense) {
  const std::string engine = "{engineConfigs: [{name: e, ";
  for (const auto& [parameters, message] : std::vector<std::pair<std::string, std::string>>{
           {"{defaultEngine: vlm}",
            "f.yaml:5:31: core-metrics-extractor.parameters.defaultEngine: "
            "there is no engine of this name; did you mean vllm?"},
           {"{engineConfigs: [{name: e}, {name: e}]}", "an engine of this name already"},
           {"{engineConfigs: [{name: default}]}", "is reserved"},
           {"{engineConfigs: [{}]}", "is missing"},
           {engine + "kvUsageSpec: 'a{b'}]}", "must be a series"},
           {engine + "kvUsageSpc: a}]}", "did you mean kvUsageSpec"},
           {engine + "loraLoadedSpec: a}]}", "cannot do it yet"},
           {engine + "customMetrics: [{attributeKey: d}]}]}", "metricSpec: is missing"},
           {engine + "customMetrics: [{attributeKey: d, metricSpec: a}, "
                     "{attributeKey: d, metricSpec: b}]}]}",
            "has this attribute already"}}) {
    EXPECT_THAT(extractor_error(parameters, "{type: queue-scorer}"), HasSubstr(message));
  }
  EXPECT_THAT(extractor_error("{}", "{type: core-metrics-extractor, name: another}"),
              HasSubstr("more than one core-metrics-extractor"));
}

TEST(Scheduler, RefusesAttributePluginsThatMakeNoSense) {
  const std::string extractor =
      "{engineConfigs: [{name: e, customMetrics: [{attributeKey: depth, metricSpec: d}]}]}";
  const std::string filter = "{type: endpoint-attribute-filter, parameters: {attribute: depth, ";
  const std::string scorer = "{type: endpoint-attribute-scorer, parameters: {attributeKey: depth, ";
  for (const auto& [plugin, message] : std::vector<std::pair<std::string, std::string>>{
           {"{type: endpoint-attribute-filter, parameters: {attribute: dept}}",
            "f.yaml:6:61: endpoint-attribute-filter.parameters.attribute: no customMetrics of "
            "core-metrics-extractor produce \"dept\"; did you mean depth?"},
           {filter + "producer: dcgm-extractor}}", "cannot do it yet"},
           {filter + "onMissing: fail}}", "must be Pass or Fail"},
           {filter + "algorithm: {type: topk}}}", "must be threshold, range, topK or percentile"},
           {filter + "algorithm: {type: topK}}}", "algorithm.topK: is missing"},
           {filter + "algorithm: {type: topK, topK: {k: 0}}}}", "must be at least 1"},
           {filter + "algorithm: {type: topK, topK: {k: 1}, range: {}}}}", "algorithm.range"},
           {filter + "algorithm: {type: range, range: {min: 2, max: 1}}}}", "not be above max"},
           {filter + "algorithm: {type: range, range: {min: 2}}}}", "range.max: is missing"},
           {filter + "algorithm: {type: threshold, threshold: {operator: less, value: 1}}}}",
            "must be LessThan"},
           {filter + "algorithm: {type: percentile, percentile: {percentile: 101}}}}", "to 100"},
           {scorer + "source: metadata}}", "must be endpoint"},
           {scorer + "algorithm: {type: linear}}}", "must be linear_lower_is_better"},
           {scorer + "algorithm: {type: linear_lower_is_better, normalization: {fixedRange: {min: "
                     "1, max: 1}}}}}",
            "must be below max"},
           {scorer + "algorithm: {type: linear_lower_is_better, normalization: {adaptiveRange: {}, "
                     "fixedRange: {min: 0, max: 1}}}}}",
            "there is an adaptiveRange already"}}) {
    EXPECT_THAT(extractor_error(extractor, plugin), HasSubstr(message));
  }
}

class SchedulerTest : public testing::Test {
 protected:
  void add(const std::string& name, const std::string& role) {
    endpoints::EndpointSpec spec;
    spec.name = name;
    spec.address = "127.0.0.1";
    spec.port = static_cast<uint16_t>(specs_.size() + 1);
    if (!role.empty()) spec.labels[std::string(endpoints::kRoleLabel)] = role;
    specs_.push_back(spec);
    pool_.update(specs_);
    for (const auto& endpoint : *pool_.snapshot()) {
      endpoint->live.health = endpoints::Health::kUp;
      endpoint->live.models = {"m"};
    }
  }
  Query query() const {
    return {.model = "m",
            .headers = {},
            .prefix = &prefix_,
            .prompt_tokens = 1000,
            .output_tokens = 0,
            .priority = 0,
            .now = {}};
  }

  endpoints::Pool pool_;
  std::vector<endpoints::EndpointSpec> specs_;
  Prefix prefix_;
};

TEST_F(SchedulerTest, PrefillIsChosenWhenTheDeciderWantsIt) {
  add("p", "prefill");
  add("d", "decode");
  const auto scheduler = make_guide("pd_disaggregation").value();
  const Decision decision = scheduler->schedule(query(), *pool_.snapshot(), {});
  EXPECT_EQ(decision.endpoint->spec.name, "d");
  EXPECT_EQ(decision.prefill->spec.name, "p");
}

TEST_F(SchedulerTest, AnExplanationNamesScoresAndWhatWasDropped) {
  add("a", "");
  add("b", "prefill");
  add("c", "");
  pool_.snapshot()->at(2)->live.health = endpoints::Health::kDown;
  const auto scheduler = Scheduler::make(default_config(), 1).value();
  Explanation why;
  scheduler->schedule(query(), *pool_.snapshot(), {}, &why);
  ASSERT_EQ(why.runs.size(), 1U);
  EXPECT_EQ(why.runs[0].picked->spec.name, "a");
  EXPECT_EQ(why.runs[0].rows.at(0).scores.size(), 1U);
  EXPECT_EQ(why.runs[0].rows.at(1).dropped_by, "decode-filter");
  EXPECT_EQ(why.unfit.at(0).why, "not ready");
}

TEST_F(SchedulerTest, TheIndexOutlivesAConfigurationThatLeavesItAlone) {
  for (const char* name : {"a", "b", "c", "d"}) add(name, "");
  hash_prefix({}, std::string(4096, 'x'), blocks_of(kPrefixTokensMax), prefix_);
  const std::string scorers = "{type: prefix-cache-scorer}";
  const auto index = [](int blocks) {
    return "{type: approx-prefix-cache-producer, parameters: {maxPrefixBlocksToMatch: " +
           std::to_string(blocks) + "}}";
  };
  const auto plugins = [&](int blocks, const std::string& more) {
    return "plugins: [" + scorers + more + ", " + index(blocks) + "]\n";
  };
  const auto before = make(plugins(9, "")).value();
  const endpoints::Endpoint* chosen = before->schedule(query(), *pool_.snapshot(), {}).endpoint;
  before->placed(query());
  const auto best_score = [&](const std::string& rest) {
    const auto config = resources::parse_endpoint_picker_config(
        "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n" + rest, "f.yaml");
    const auto scheduler = Scheduler::make(*config, 2, before.get()).value();
    Explanation why;
    scheduler->schedule(query(), *pool_.snapshot(), {}, &why);
    return std::pair(why.runs[0].picked, why.runs[0].rows.at(chosen->slot).scores.at(0).score);
  };
  EXPECT_EQ(best_score(plugins(9, ", {type: session-affinity-scorer}")).first, chosen);
  EXPECT_GT(best_score(plugins(9, "")).second, 0);
  EXPECT_EQ(best_score(plugins(8, "")).second, 0);
}

}  // namespace
}  // namespace llmd::schedule
