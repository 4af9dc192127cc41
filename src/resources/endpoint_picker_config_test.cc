// SPDX-License-Identifier: Apache-2.0
#include "resources/endpoint_picker_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmd::resources {
namespace {

using testing::HasSubstr;

constexpr std::string_view kHead = "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\n";

Result<EndpointPickerConfig> parse(std::string_view rest) {
  return parse_endpoint_picker_config(std::string(kHead) + std::string(rest), "f.yaml");
}
std::string error(std::string_view rest) { return parse(rest).error().message; }

TEST(EndpointPickerConfig, ReadsPluginsAndProfiles) {
  const auto config = parse(
      "featureGates: [flowControl]\n"
      "plugins:\n"
      "- {type: queue-scorer, name: q}\n"
      "- {type: max-score-picker, parameters: {maxNumOfEndpoints: 2}}\n"
      "schedulingProfiles:\n"
      "- name: default\n"
      "  plugins: [{pluginRef: q, weight: 2.5}, {pluginRef: max-score-picker}]\n"
      "flowControl: {maxRequests: 10}\n");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_TRUE(config->flow_control);
  EXPECT_EQ(config->plugins.at(0).name, "q");
  EXPECT_EQ(config->plugins.at(1).name, "max-score-picker");
  EXPECT_EQ(config->plugins.at(1).line, 6);
  EXPECT_EQ(config->profiles.at(0).plugins.at(0).weight, 2.5);
  EXPECT_EQ(config->profiles.at(0).plugins.at(1).weight, 1);
  EXPECT_EQ(config->flow.members.size(), 1U);
}

TEST(EndpointPickerConfig, WithoutProfilesAllPluginsMakeOne) {
  const auto config = parse("plugins: [{type: queue-scorer}, {type: inflight-load-producer}]\n");
  ASSERT_TRUE(config.ok());
  ASSERT_EQ(config->profiles.size(), 1U);
  EXPECT_EQ(config->profiles[0].plugins.size(), 1U);
}

TEST(EndpointPickerConfig, ErrorsNameThePlaceAndTheNearestName) {
  EXPECT_THAT(error("pluginz: []\n"),
              HasSubstr("f.yaml:3:1: pluginz: there is no such key; did you mean plugins?"));
  EXPECT_THAT(error("plugins: [{name: x}]\n"), HasSubstr("f.yaml:3"));
  EXPECT_THAT(error("plugins: [{type: queue-scorer}, {type: queue-scorer}]\n"), HasSubstr("twice"));
  EXPECT_THAT(error("plugins: [{type: queue-scorer}]\n"
                    "schedulingProfiles: [{name: d, plugins: [{pluginRef: queue-scorr}]}]\n"),
              HasSubstr("did you mean queue-scorer?"));
  EXPECT_THAT(error("featureGates: [flowcontrol]\n"), HasSubstr("did you mean flowControl?"));
  EXPECT_THAT(parse_endpoint_picker_config("apiVersion: v2\nkind: X\n", "f.yaml").error().message,
              HasSubstr("apiVersion: must be"));
}

TEST(EndpointPickerConfig, ReadsTheLegacyGroupAndFileDiscovery) {
  const auto config = parse_endpoint_picker_config(
      "apiVersion: inference.networking.x-k8s.io/v1alpha1\n"
      "kind: EndpointPickerConfig\n"
      "plugins:\n"
      "- {type: file-discovery, parameters: {path: /etc/endpoints.yaml, watchFile: True}}\n"
      "dataLayer: {discovery: {pluginRef: file-discovery}}\n",
      "f.yaml");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->discovery_path, "/etc/endpoints.yaml");
}

}  // namespace
}  // namespace llmd::resources
