// SPDX-License-Identifier: Apache-2.0
#include "flow/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flow/test_config.h"

namespace llmd::flow {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

std::string error_of(std::string_view yaml, std::vector<resources::PluginSpec> plugins = {}) {
  const auto config = parse(yaml, plugins);
  return config.ok() ? "" : config.error().message;
}

TEST(FlowConfig, DefaultsAreUpstreams) {
  const Config config = parse("").value();
  EXPECT_EQ(config.bytes_max, kUnlimited);
  EXPECT_EQ(config.requests_max, kUnlimited);
  EXPECT_EQ(config.request_ttl, seconds(60));
  EXPECT_EQ(config.no_endpoint_ttl, seconds(60));
  EXPECT_EQ(config.default_band.requests_max, 5000U);
  EXPECT_EQ(config.default_band.bytes_max, 1'000'000'000U);
  EXPECT_EQ(config.default_band.ordering.due, fcfs_ordering);
  EXPECT_FALSE(config.evicts_running);
}

// The configuration of upstream's flow-control guide.
TEST(FlowConfig, ReadsTheGuides) {
  const Config config = parse(R"(
maxBytes: 10Gi
maxRequests: 1k
defaultRequestTTL: 1m30s
noEndpointRequestTTL: 5m
defaultPriorityBand: {maxRequests: 7, orderingPolicyRef: edf-ordering-policy}
priorityBands:
- {priority: 100, maxRequests: 500, fairnessPolicyRef: round-robin-fairness-policy}
- {priority: 0, maxRequests: 200, maxBytes: 1M}
- {priority: -10, maxRequests: 50}
saturationDetector: {pluginRef: concurrency-detector}
usageLimitPolicyPluginRef: soft-reflective-ceiling-policy
enableEviction: true
)")
                            .value();
  EXPECT_EQ(config.bytes_max, uint64_t{10} << 30);
  EXPECT_EQ(config.requests_max, 1000U);
  EXPECT_EQ(config.request_ttl, seconds(90));
  EXPECT_EQ(config.no_endpoint_ttl, seconds(300));
  EXPECT_EQ(config.default_negative_band.requests_max, 7U);
  EXPECT_EQ(config.default_negative_band.ordering.due, edf_ordering);
  EXPECT_EQ(config.bands.at(-10).requests_max, 50U);
  EXPECT_EQ(config.bands.at(0).bytes_max, 1'000'000U);
  EXPECT_EQ(config.bands.at(0).ordering.due, fcfs_ordering);
  EXPECT_NE(config.bands.at(100).fairness, config.bands.at(0).fairness);
  EXPECT_EQ(config.bands.at(-10).fairness, config.bands.at(0).fairness);
  EXPECT_TRUE(config.evicts_running);
}

TEST(FlowConfig, WithoutItsOwnBudgetTheWaitForEndpointsIsTheCommonOne) {
  EXPECT_EQ(parse("defaultRequestTTL: 7s").value().no_endpoint_ttl, seconds(7));
}

TEST(FlowConfig, RefusesWhatItDoesNotKnowWithItsPlace) {
  EXPECT_THAT(error_of("maxRequest: 1k"), HasSubstr("epp.yaml:1:1: flowControl.maxRequest"));
  EXPECT_THAT(error_of("maxRequest: 1k"), HasSubstr("did you mean maxRequests?"));
  EXPECT_THAT(error_of("a: 1\nmaxBytes: lots"), HasSubstr("epp.yaml:2:11: flowControl.maxBytes"));
  EXPECT_THAT(error_of("defaultRequestTTL: 60"), HasSubstr("no duration"));
  EXPECT_THAT(error_of("priorityBands: [{maxRequests: 1}]"), HasSubstr("priority: is missing"));
  EXPECT_THAT(error_of("priorityBands: [{priority: 1.5}]"), HasSubstr("32 bits"));
  EXPECT_THAT(error_of("priorityBands: [{priority: 2147483648}]"), HasSubstr("32 bits"));
  EXPECT_THAT(error_of("priorityBands: [{priority: 1}, {priority: 1}]"), HasSubstr("already"));
  EXPECT_EQ(error_of("priorityBands: [{priority: -2147483648}]"), "");
}

TEST(FlowConfig, RefusesReferencesToNothingAndToOtherKinds) {
  EXPECT_THAT(error_of("usageLimitPolicyPluginRef: static-usage-limit-polic"),
              HasSubstr("did you mean static-usage-limit-policy?"));
  EXPECT_THAT(error_of("defaultPriorityBand: {orderingPolicyRef: round-robin-fairness-policy}"),
              HasSubstr("round-robin-fairness-policy is no ordering policy"));
  EXPECT_THAT(error_of("saturationDetector: {pluginRef: q}", {plugin("q", "queue-scorer")}),
              HasSubstr("q is no plugin of flow control"));
}

TEST(FlowConfig, ReadsParametersOfNamedPlugins) {
  const auto holdback = plugin("mine", "priority-holdback-policy", "minCeiling: 0.5");
  const Config config = parse("usageLimitPolicyPluginRef: mine", {holdback}).value();
  const std::vector<int32_t> priorities = {5, 0, -5};
  std::vector<double> ceilings(3);
  config.usage_limit->limit(0, priorities, ceilings);
  EXPECT_THAT(ceilings, testing::ElementsAre(1, 0.75, 0.5));
  EXPECT_THAT(
      error_of("usageLimitPolicyPluginRef: mine",
               {plugin("mine", "priority-holdback-policy", "{minCeiling: 0.5, maxCeilin: 1}")}),
      HasSubstr("plugin mine: parameters.maxCeilin: there is no such key; did you mean "
                "maxCeiling?"));
}

TEST(FlowConfig, ChecksPluginsThatNobodyRefersTo) {
  for (const std::string_view type : plugin_types()) {
    const bool needs_parameters = type == "priority-holdback-policy";
    const auto good = plugin("p", std::string(type), needs_parameters ? "minCeiling: 0" : "");
    EXPECT_TRUE(check_plugin(good, "f").ok()) << type;
    EXPECT_FALSE(check_plugin(plugin("p", std::string(type), "nonsense: 1"), "f").ok()) << type;
  }
  EXPECT_FALSE(check_plugin(plugin("p", "queue-scorer"), "f").ok());
}

TEST(FlowConfig, RefusesParametersOutOfRange) {
  const auto bad = [](const char* type, const char* parameters) {
    const auto result = check_plugin(plugin("p", type, parameters), "f");
    return result.ok() ? "" : result.error().message;
  };
  EXPECT_THAT(bad("priority-holdback-policy", "{minCeiling: 0.5, maxCeiling: 0.5}"),
              HasSubstr("below maxCeiling"));
  EXPECT_THAT(bad("priority-holdback-policy", "{minCeiling: 0.5, domain: explicit}"),
              HasSubstr("rank or value"));
  EXPECT_THAT(bad("concurrency-detector", "maxConcurrency: 0"), HasSubstr("at least 1"));
  EXPECT_THAT(bad("concurrency-detector", "concurrencyMode: both"), HasSubstr("hybrid"));
  EXPECT_THAT(bad("utilization-detector", "kvCacheUtilThreshold: 1.1"), HasSubstr("0 to 1"));
  EXPECT_THAT(bad("utilization-detector", "metricsStalenessThreshold: 0s"), HasSubstr("above 0"));
  EXPECT_THAT(bad("program-aware-fairness", "strategy: drr"), HasSubstr("must be las"));
  EXPECT_THAT(bad("program-aware-fairness", "lasDecayFactor: 0.9"), HasSubstr("lasDecayFactor"));
}

}  // namespace
}  // namespace llmd::flow
