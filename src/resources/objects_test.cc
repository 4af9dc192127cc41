// SPDX-License-Identifier: Apache-2.0
#include "resources/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace llmd::resources {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kService =
    "apiVersion: llm-d.ai/v1alpha1\nkind: ModelService\nmetadata: {name: tiny}\n"
    "spec: {engine: {type: simulated}}\n";
constexpr std::string_view kConfig =
    "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\nplugins: [{type: queue-scorer}]\n";

std::string objective(std::string_view spec, std::string_view metadata = "name: fast") {
  return "apiVersion: llm-d.ai/v1alpha2\nkind: InferenceObjective\nmetadata: {" +
         std::string(metadata) + "}\nspec: " + std::string(spec) + "\n";
}

std::string rewrite(std::string_view rules, std::string_view metadata = "name: canary") {
  return "apiVersion: inference.networking.x-k8s.io/v1alpha2\nkind: InferenceModelRewrite\n"
         "metadata: {" +
         std::string(metadata) +
         "}\nspec:\n  poolRef: {name: pool}\n  rules: " + std::string(rules) + "\n";
}

std::string error_of(const std::string& text) {
  const auto objects = parse_objects(text, "f.yaml");
  return objects ? "accepted" : objects.error().message;
}

TEST(Objects, EveryKindInAnyOrder) {
  const auto objects = parse_objects(
      objective("{poolRef: {name: p}}") + "---\n" + std::string(kService) + "---\n---\n" +
          rewrite("[{targets: [{modelRewrite: m}]}]") + "---\n" + std::string(kConfig),
      "f.yaml");
  ASSERT_TRUE(objects.ok()) << objects.error().message;
  EXPECT_EQ(objects->services.size(), 1U);
  EXPECT_EQ(objects->picker_configs.size(), 1U);
  EXPECT_EQ(objects->objectives.size(), 1U);
  EXPECT_EQ(objects->rewrites.size(), 1U);
}

TEST(Objects, UnknownKindsAndVersionsAreRefused) {
  EXPECT_EQ(error_of("apiVersion: llm-d.ai/v1alpha2\nkind: InferenceObjectiv\n"),
            "f.yaml:2:7: kind: there is no kind InferenceObjectiv; did you mean "
            "InferenceObjective?");
  EXPECT_THAT(error_of("kind: Pod\n"), HasSubstr("known are ModelService, EndpointPickerConfig"));
  EXPECT_THAT(error_of("apiVersion: llm-d.ai/v1\nkind: InferenceObjective\n"),
              HasSubstr("f.yaml:1:13: apiVersion: must be llm-d.ai/v1alpha2 or inference."));
  EXPECT_THAT(error_of("apiVersion: llm-d.ai/v1\n"), HasSubstr("kind: is missing"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("must be a map"));
}

TEST(Objects, SecondOnesOfANameAreRefusedWithBothPlaces) {
  EXPECT_EQ(error_of(std::string(kService) + "---\n" + std::string(kService)),
            "f.yaml:6:1: ModelService \"tiny\" is given already, at f.yaml:1");
  EXPECT_THAT(error_of(std::string(kConfig) + "---\n" + std::string(kConfig)),
              HasSubstr("EndpointPickerConfig is given already, at f.yaml:1"));
  const std::string here = objective("{poolRef: {name: p}}");
  const std::string elsewhere = objective("{poolRef: {name: p}}", "name: fast, namespace: other");
  EXPECT_EQ(error_of(here + "---\n" + elsewhere), "accepted");
  EXPECT_THAT(
      error_of(elsewhere + "---\n" + here + "---\n" + elsewhere),
      HasSubstr("InferenceObjective \"fast\" in namespace other is given already, at f.yaml:1"));
}

TEST(Objects, AfterARefusedDocumentTheNextIsRead) {
  ObjectReader reader;
  const auto bad = parse_yaml(objective("{}"), "bad.yaml");
  const auto good = parse_yaml(objective("{poolRef: {name: p}}"), "good.yaml");
  EXPECT_FALSE(reader.add(bad->front(), "bad.yaml").ok());
  EXPECT_TRUE(reader.add(good->front(), "good.yaml").ok());
  EXPECT_EQ(reader.take().objectives.size(), 1U);
}

TEST(Objects, AreReadFromSeveralFiles) {
  const std::string first = testing::TempDir() + "/objects_a.yaml";
  const std::string second = testing::TempDir() + "/objects_b.yaml";
  ASSERT_TRUE(write_file_atomically(first, kService).ok());
  ASSERT_TRUE(write_file_atomically(second, kConfig).ok());
  const auto objects = load_objects({first, second});
  ASSERT_TRUE(objects.ok()) << objects.error().message;
  EXPECT_EQ(objects->services.size() + objects->picker_configs.size(), 2U);
  ASSERT_TRUE(write_file_atomically(second, kService).ok());
  EXPECT_EQ(load_objects({first, second}).error().message,
            second + ":1:1: ModelService \"tiny\" is given already, at " + first + ":1");
  ASSERT_TRUE(write_file_atomically(second, "# nothing\n").ok());
  EXPECT_THAT(load_objects({second}).error().message, HasSubstr("holds no object"));
  EXPECT_THAT(load_objects({second + ".absent"}).error().message, HasSubstr("objects_b.yaml"));
}

TEST(InferenceObjective, ReadsItsPriority) {
  const auto read = [](std::string_view spec) {
    return parse_objects(objective(spec, "name: a.b, namespace: ns, labels: {x: y}"), "f.yaml")
        ->objectives.at(0);
  };
  const auto high = read("{priority: 100, poolRef: {group: g, kind: InferencePool, name: p}}");
  EXPECT_EQ(high.name, "a.b");
  EXPECT_EQ(high.name_space, "ns");
  EXPECT_EQ(high.pool, "p");
  EXPECT_EQ(high.priority, 100);
  EXPECT_EQ(read("{priority: -2147483648, poolRef: {name: p}}").priority, INT32_MIN);
  EXPECT_EQ(read("{poolRef: {name: p}}").priority, 0);
}

TEST(InferenceObjective, RefusesWhatBreaksItsRules) {
  EXPECT_THAT(error_of(objective("{priority: 1}")), HasSubstr("spec.poolRef: is missing"));
  EXPECT_THAT(error_of(objective("{poolRef: {kind: Service, name: p}}")),
              HasSubstr("spec.poolRef.kind: must be InferencePool"));
  for (const char* priority : {"high", "1.5", "\"1\"", "2147483648", "[1]", "+1", "1 000"}) {
    EXPECT_THAT(
        error_of(objective(std::string("{poolRef: {name: p}, priority: ") + priority + "}")),
        HasSubstr("spec.priority: must be a whole number of 32 bits"));
  }
  EXPECT_THAT(error_of(objective("{poolRef: {name: p}, prioritee: 1}")),
              HasSubstr("did you mean priority?"));
  EXPECT_THAT(error_of(objective("{poolRef: {name: p}}", "name: A")), HasSubstr("metadata.name: "));
}

TEST(InferenceModelRewrite, ReadsRules) {
  const auto objects = parse_objects(
      rewrite("[{matches: [{model: {type: Exact, value: chat}}, {model: {value: talk}}],"
              " targets: [{weight: 90, modelRewrite: v1}, {weight: 10, modelRewrite: v2}]},"
              " {targets: [{modelRewrite: v1}, {modelRewrite: v3}]}]"),
      "f.yaml");
  ASSERT_TRUE(objects.ok()) << objects.error().message;
  const InferenceModelRewrite& read = objects->rewrites.at(0);
  EXPECT_EQ(read.name, "canary");
  EXPECT_EQ(read.pool, "pool");
  EXPECT_THAT(read.rules.at(0).models, ElementsAre("chat", "talk"));
  EXPECT_EQ(read.rules.at(0).targets.at(1).model, "v2");
  EXPECT_EQ(read.rules.at(0).targets.at(1).weight, 10U);
  EXPECT_TRUE(read.rules.at(1).models.empty());
  EXPECT_EQ(read.rules.at(1).targets.at(0).weight, 1U);
}

TEST(InferenceModelRewrite, TheOldestComesFirstAndThoseOfNoAgeLast) {
  const std::string rules = "[{targets: [{modelRewrite: m}]}]";
  const auto objects =
      parse_objects(rewrite(rules, "name: undated") + "---\n" +
                        rewrite(rules, "name: young, creationTimestamp: \"2026-02-01T00:00:00Z\"") +
                        "---\n" + rewrite(rules, "name: also-undated") + "---\n" +
                        rewrite(rules, "name: old, creationTimestamp: 2025-12-31T23:59:59Z"),
                    "f.yaml");
  ASSERT_TRUE(objects.ok()) << objects.error().message;
  std::vector<std::string> names;
  for (const auto& each : objects->rewrites) names.push_back(each.name);
  EXPECT_THAT(names, ElementsAre("old", "young", "undated", "also-undated"));
}

TEST(InferenceModelRewrite, RefusesWhatBreaksItsRules) {
  EXPECT_THAT(error_of(rewrite("[]")), HasSubstr("spec.rules: must hold at least one rule"));
  EXPECT_THAT(error_of(rewrite("[{targets: []}]")),
              HasSubstr("spec.rules[0].targets: must hold at least one target"));
  EXPECT_THAT(
      error_of(rewrite("[{targets: [{modelRewrite: a, weight: 1}, {modelRewrite: b}]}]")),
      HasSubstr("spec.rules[0].targets[1].weight: must be given for all targets of a rule or for "
                "none"));
  for (const char* weight : {"0", "1000001", "-1", "x"}) {
    EXPECT_THAT(
        error_of(rewrite(std::string("[{targets: [{modelRewrite: a, weight: ") + weight + "}]}]")),
        HasSubstr("spec.rules[0].targets[0].weight: must be a whole number"));
  }
  EXPECT_THAT(error_of(rewrite("[{matches: [{model: {type: Prefix, value: a}}],"
                               " targets: [{modelRewrite: a}]}]")),
              HasSubstr("model.type: must be Exact"));
  EXPECT_THAT(error_of(rewrite("[{targets: [{modelRewrite: a}]}]",
                               "name: a, creationTimestamp: 2026-01-01")),
              HasSubstr("metadata.creationTimestamp: must be a time such as"));
}

}  // namespace
}  // namespace llmd::resources
