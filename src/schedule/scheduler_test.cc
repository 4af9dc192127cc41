// SPDX-License-Identifier: Apache-2.0
#include "schedule/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

/// The configurations of llm-d's well-lit paths, as its guides have them (deployment reference,
/// 3b).
constexpr const char* kGuides[] = {
    // optimized-baseline
    "plugins:\n"
    "- {type: token-load-scorer}\n"
    "- {type: inflight-load-producer}\n"
    "- {type: approx-prefix-cache-producer, parameters: {maxPrefixTokensToMatch: 40960}}\n"
    "- {type: prefix-cache-affinity-filter, parameters: {affinityThreshold: 0.80, "
    "maxTokensInFlightPenalty: 286720, maxTTFTPenaltyMs: 0}}\n"
    "schedulingProfiles: [{name: default, plugins: [{pluginRef: prefix-cache-affinity-filter}, "
    "{pluginRef: token-load-scorer}]}]\n",
    // precise-prefix-cache-routing
    "plugins:\n"
    "- {type: token-producer, parameters: {modelName: m, vllm: {url: 'http://render'}}}\n"
    "- {type: endpoint-notification-source}\n"
    "- type: precise-prefix-cache-producer\n"
    "  parameters: {tokenProcessorConfig: {blockSizeTokens: 64}, speculativeIndexing: true,\n"
    "               kvEventsConfig: {topicFilter: 'kv@', concurrency: 8, discoverPods: true, "
    "podDiscoveryConfig: {socketPort: 5556}}}\n"
    "- {type: inflight-load-producer}\n"
    "- {type: prefix-cache-affinity-filter, parameters: {peakPrefillThroughput: 15926}}\n"
    "- {type: token-load-scorer}\n"
    "schedulingProfiles: [{name: default, plugins: [{pluginRef: prefix-cache-affinity-filter}, "
    "{pluginRef: token-load-scorer}]}]\n"
    "dataLayer: {sources: [{pluginRef: endpoint-notification-source, extractors: [{pluginRef: "
    "precise-prefix-cache-producer}]}]}\n",
    // pd-disaggregation
    "plugins:\n"
    "- {type: always-disagg-pd-decider}\n"
    "- {type: disagg-profile-handler, parameters: {deciders: {prefill: "
    "always-disagg-pd-decider}}}\n"
    "- {type: prefill-filter}\n"
    "- {type: decode-filter}\n"
    "- {type: approx-prefix-cache-producer, parameters: {maxPrefixTokensToMatch: 131072}}\n"
    "- {type: inflight-load-producer}\n"
    "- {type: prefix-cache-affinity-filter, parameters: {peakPrefillThroughput: 33821}}\n"
    "- {type: token-load-scorer}\n"
    "- {type: active-request-scorer}\n"
    "- {type: max-score-picker}\n"
    "schedulingProfiles:\n"
    "- {name: prefill, plugins: [{pluginRef: prefill-filter}, {pluginRef: "
    "prefix-cache-affinity-filter}, {pluginRef: token-load-scorer}, {pluginRef: "
    "max-score-picker}]}\n"
    "- {name: decode, plugins: [{pluginRef: decode-filter}, {pluginRef: active-request-scorer}, "
    "{pluginRef: max-score-picker}]}\n",
    // tiered-prefix-cache
    "plugins:\n"
    "- {type: queue-scorer}\n"
    "- {type: kv-cache-utilization-scorer}\n"
    "- {type: approx-prefix-cache-producer}\n"
    "- {type: approx-prefix-cache-producer, name: cpu, parameters: {autoTune: false, "
    "lruCapacityPerServer: 41000}}\n"
    "- {type: prefix-cache-scorer, name: gpu-prefix-cache-scorer}\n"
    "- {type: prefix-cache-scorer, name: cpu-prefix-cache-scorer, parameters: "
    "{prefixMatchInfoProducerName: cpu}}\n"
    "- {type: no-hit-lru-scorer}\n"
    "schedulingProfiles: [{name: default, plugins: [{pluginRef: queue-scorer}, {pluginRef: "
    "kv-cache-utilization-scorer}, {pluginRef: gpu-prefix-cache-scorer}, {pluginRef: "
    "cpu-prefix-cache-scorer}, {pluginRef: no-hit-lru-scorer}]}]\n",
    // flow-control
    "featureGates: [flowControl]\n"
    "plugins:\n"
    "- {type: queue-scorer}\n"
    "- {type: kv-cache-utilization-scorer}\n"
    "- {type: prefix-cache-scorer}\n"
    "- {type: round-robin-fairness-policy}\n"
    "- {type: fcfs-ordering-policy}\n"
    "- {type: concurrency-detector, parameters: {maxConcurrency: 132}}\n"
    "schedulingProfiles: [{name: default, plugins: [{pluginRef: queue-scorer, weight: 2}, "
    "{pluginRef: kv-cache-utilization-scorer, weight: 2}, {pluginRef: prefix-cache-scorer, "
    "weight: 3}]}]\n"
    "flowControl: {maxBytes: 10Gi, maxRequests: 1k, defaultRequestTTL: 60s}\n",
};

TEST(Scheduler, LoadsTheGuidesConfigurations) {
  for (const char* guide : kGuides) {
    const auto scheduler = make(guide);
    EXPECT_TRUE(scheduler.ok()) << scheduler.error().message;
  }
}

TEST(Scheduler, SaysWhatAStandInLacks) {
  const auto scheduler = make(kGuides[1]);
  ASSERT_TRUE(scheduler.ok());
  EXPECT_THAT(scheduler.value()->warnings(), testing::SizeIs(2));
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
  const auto scheduler = make(kGuides[2]).value();
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
  EXPECT_EQ(why.runs[0].rows.at(0).scores.size(), 4U);
  EXPECT_EQ(why.runs[0].rows.at(1).dropped_by, "decode-filter");
  EXPECT_EQ(why.unfit.at(0).why, "not ready");
}

}  // namespace
}  // namespace llmd::schedule
