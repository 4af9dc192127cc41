// SPDX-License-Identifier: Apache-2.0
#include "inspect/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resources/objects.h"

namespace llmd::inspect {
namespace {

using testing::HasSubstr;

constexpr std::string_view kBody = R"({"model": "m", "prompt": "Tell me a story."})";

class ExplainTest : public testing::Test {
 protected:
  endpoints::Endpoint& add(const std::string& name, const std::string& role = "") {
    endpoints::EndpointSpec spec{.name = name,
                                 .address = "127.0.0.1",
                                 .port = static_cast<uint16_t>(specs_.size() + 1),
                                 .labels = {}};
    if (!role.empty()) spec.labels[std::string(endpoints::kRoleLabel)] = role;
    specs_.push_back(spec);
    pool_.update(specs_);
    endpoints::Endpoint& added = *pool_.snapshot()->back();
    added.live.health = endpoints::Health::kUp;
    added.live.models = {"m"};
    return added;
  }

  std::string explain(const std::string& objects, std::vector<http::Header> headers = {},
                      std::string_view body = kBody) {
    const auto routing = request::plan_routing(*resources::parse_objects(objects, "f.yaml"));
    const auto text =
        inspect::explain(pool_, clock_, *routing, headers, body, [](const endpoints::NamesOf&) {});
    return text ? *text : text.error().message;
  }

  ManualClock clock_;
  endpoints::Pool pool_;
  std::vector<endpoints::EndpointSpec> specs_;
};

constexpr const char* kScheduling =
    "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\n"
    "plugins: [{type: decode-filter}, {type: queue-scorer}, {type: kv-cache-utilization-scorer}]\n"
    "schedulingProfiles:\n"
    "- name: default\n"
    "  plugins:\n"
    "  - {pluginRef: decode-filter}\n"
    "  - {pluginRef: queue-scorer, weight: 2}\n"
    "  - {pluginRef: kv-cache-utilization-scorer}\n";

TEST_F(ExplainTest, EachEndpointHasARowAndTheWinnerAStar) {
  endpoints::Scrape& full = add("full").live.scrape;
  full.waiting = 4;
  full.kv_usage = 0.75;
  add("free").live.scrape.kv_usage = 0.5;
  add("prefills", "prefill");
  add("starting").live.health = endpoints::Health::kUnknown;
  EXPECT_EQ(explain(kScheduling),
            "about 16 prompt tokens\n"
            "profile default\n"
            "  A  2 x queue-scorer\n"
            "  B  1 x kv-cache-utilization-scorer\n"
            "   ENDPOINT     A     B  TOTAL\n"
            "   full      0.00  0.25   0.25  =\n"
            "*  free      2.00  0.50   2.50  ================\n"
            "  prefills: dropped by decode-filter\n"
            "  starting: not ready\n"
            "it goes to free at 127.0.0.1:2\n");
}

TEST_F(ExplainTest, ADrawIsCalledADraw) {
  add("a");
  add("b");
  EXPECT_THAT(explain(kScheduling), HasSubstr("  2 have the highest total: the picker draws\n"));
}

TEST_F(ExplainTest, HeadersAndRewritesCount) {
  add("a");
  add("b");
  EXPECT_THAT(
      explain("apiVersion: llm-d.ai/v1alpha2\nkind: InferenceModelRewrite\n"
              "metadata: {name: alias}\n"
              "spec:\n"
              "  poolRef: {name: p}\n"
              "  rules: [{matches: [{model: {value: chat}}], targets: [{modelRewrite: m}]}]\n",
              {{"x-gateway-destination-endpoint-subset", "127.0.0.1:2"}},
              R"({"model": "chat", "prompt": "x"})"),
      HasSubstr("it goes to b at 127.0.0.1:2, which is asked for the model m\n"));
}

TEST_F(ExplainTest, WithoutEndpointsItIsRefused) {
  EXPECT_THAT(explain(kScheduling), HasSubstr("it is refused with 503"));
}

TEST_F(ExplainTest, WhatIsRefusedIsSaid) {
  add("a");
  EXPECT_THAT(explain(kScheduling, {}, R"({"model": "other"})"),
              HasSubstr("it is refused with 404: the model \"other\" does not exist"));
  EXPECT_THAT(explain(kScheduling, {}, "{"), HasSubstr("byte"));
}

TEST_F(ExplainTest, WhoWaitsIsSaid) {
  add("a").live.in_flight = 1;
  EXPECT_EQ(explain("apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\n"
                    "featureGates: [flowControl]\n"
                    "plugins: [{type: concurrency-detector, parameters: {maxConcurrency: 1}}]\n"
                    "flowControl: {saturationDetector: {pluginRef: concurrency-detector}}\n"),
            "it waits: the pool is saturated for its priority\n");
}

}  // namespace
}  // namespace llmd::inspect
