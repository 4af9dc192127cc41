// SPDX-License-Identifier: Apache-2.0
#include "resources/model_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resources/objects.h"
#include "resources/quantity.h"
#include "resources/yaml.h"

namespace llmd::resources {
namespace {

using testing::HasSubstr;

constexpr std::string_view kFull = R"(
apiVersion: llm-d.ai/v1alpha1
kind: ModelService
metadata: {name: tiny}
spec:
  modelArtifacts: {uri: "file://models/llmd-tiny"}
  routing: {modelName: llmd-tiny}
  engine: {type: llmd, command: [], args: [--seed, 1], env: {A: "x y"}}
  decode:  {replicas: 2, resources: {cpu: 1, memory: 1Gi}}
  prefill: {replicas: 0}
)";

std::string with_spec(std::string_view spec) {
  return "apiVersion: llm-d.ai/v1alpha1\nkind: ModelService\nmetadata: {name: a}\nspec:\n" +
         std::string(spec);
}

Result<ModelService> parse(std::string_view text) {
  LLMD_ASSIGN_OR_RETURN(auto objects, parse_objects(text, "f.yaml"));
  return std::move(objects.services.at(0));
}

std::string error_of(std::string_view text) {
  const auto parsed = parse(text);
  return parsed ? "accepted" : parsed.error().message;
}

TEST(ModelService, ReadsEveryField) {
  const auto parsed = parse(kFull);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const ModelService& service = *parsed;
  EXPECT_EQ(service.name, "tiny");
  EXPECT_EQ(service.model_path, "models/llmd-tiny");
  EXPECT_EQ(service.model_name, "llmd-tiny");
  EXPECT_EQ(service.engine.type, EngineType::kLlmd);
  EXPECT_THAT(service.engine.args, testing::ElementsAre("--seed", "1"));
  EXPECT_THAT(service.engine.env, testing::ElementsAre(std::pair("A", "x y")));
  EXPECT_EQ(service.decode.replicas, 2U);
  EXPECT_EQ(service.decode.cpu_milli, 1000U);
  EXPECT_EQ(service.decode.memory_bytes, 1U << 30);
}

TEST(ModelService, FillsDefaults) {
  const auto parsed = parse(with_spec("  modelArtifacts: {uri: file:///m}\n"));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->model_name, "a");
  EXPECT_EQ(parsed->model_path, "/m");
  EXPECT_EQ(parsed->decode, Decode{});
  EXPECT_EQ(parsed->engine, Engine{});
}

TEST(ModelService, PrintsWhatItReadsBack) {
  auto service = *parse(kFull);
  service.model_name = "quote \" back\\slash ünï: {x}";
  service.engine.type = EngineType::kSimulated;
  service.engine.env.emplace_back("B", "# not a comment");
  service.decode.cpu_milli = 1500;
  const auto again = parse(print(service));
  ASSERT_TRUE(again.ok()) << again.error().message << print(service);
  EXPECT_EQ(*again, service);
}

TEST(ModelService, SchedulingIsAnEndpointPickerConfig) {
  const std::string plugins =
      "    plugins: [{type: queue-scorer, parameters: {text: \"1, {\", number: -1.5}}]\n";
  for (const std::string header :
       {"", "    apiVersion: llm-d.ai/v1\n    kind: EndpointPickerConfig\n"}) {
    const auto service =
        parse(with_spec("  modelArtifacts: {uri: file://m}\n  scheduling:\n" + header + plugins));
    ASSERT_TRUE(service.ok()) << service.error().message;
    EXPECT_EQ(service->scheduling->plugins.at(0).type, "queue-scorer");
    const auto again = parse(print(*service));
    ASSERT_TRUE(again.ok()) << again.error().message << print(*service);
    EXPECT_EQ(*again, *service);
    EXPECT_EQ(again->scheduling->plugins.at(0).parameters.members.at(1).value.scalar, "-1.5");
  }
  EXPECT_THAT(error_of(with_spec("  modelArtifacts: {uri: file://m}\n"
                                 "  scheduling: {plugin: []}\n")),
              HasSubstr("f.yaml:6:16: spec.scheduling.plugin: there is no such key; did you mean "
                        "plugins?"));
  EXPECT_THAT(error_of(with_spec("  scheduling: {kind: EndpointPickerConfig}\n"
                                 "  engine: {type: simulated}\n")),
              HasSubstr("spec.scheduling.apiVersion: is missing"));
}

TEST(ModelService, TyposAreNamedWithTheirPlaceAndTheNearestKey) {
  EXPECT_EQ(error_of(with_spec("  decode: {replcias: 2}\n  modelArtifacts: {uri: file://m}\n")),
            "f.yaml:5:12: spec.decode.replcias: there is no such key; did you mean replicas?");
  EXPECT_THAT(error_of(with_spec("  modelartifacts: {uri: file://m}\n")),
              HasSubstr("spec.modelArtifacts.uri: is missing"));
  EXPECT_THAT(error_of(with_spec("  modelArtifacts: {uri: file://m}\n  zzzzzz: 1\n")),
              HasSubstr("f.yaml:6:3: spec.zzzzzz: there is no such key"));
  EXPECT_THAT(error_of(with_spec("  engine: {type: vlm}\n")), HasSubstr("did you mean vllm?"));
}

TEST(ModelService, WhatIsNotBuiltIsRefusedByName) {
  for (const std::string key : {"kvTransfer", "tiers", "autoscaling", "rollout"}) {
    EXPECT_THAT(error_of(with_spec("  modelArtifacts: {uri: file://m}\n  " + key + ": {x: 1}\n")),
                HasSubstr("f.yaml:6:" + std::to_string(5 + key.size()) + ": spec." + key +
                          ": is known, but this build cannot do it yet"));
  }
  EXPECT_THAT(error_of(with_spec("  modelArtifacts: {uri: file://m}\n  prefill: {replicas: 1}\n")),
              HasSubstr("spec.prefill.replicas: separate prefill engines"));
  EXPECT_THAT(error_of(with_spec("  modelArtifacts: {uri: hf://org/m}\n")), HasSubstr("hf://"));
}

TEST(ModelService, RefusesWhatBreaksItsRules) {
  const auto accepted = "accepted";
  EXPECT_EQ(error_of(with_spec("  engine: {type: command, command: [x]}\n")), accepted);
  EXPECT_EQ(error_of(with_spec("  engine: {type: simulated, args: [--seed, 1]}\n")), accepted);
  for (const std::string_view bad :
       {"  engine: {type: command}\n", "  engine: {type: command, command: ['']}\n",
        "  engine: {type: vllm, command: [x]}\n  modelArtifacts: {uri: file://m}\n",
        "  engine: {type: command, command: [x], env: {\"1A\": b}}\n",
        "  engine: {type: command, command: [\"a\\nb\"]}\n",
        "  engine: {type: command, command: [[x]]}\n", "  engine: []\n",
        "  modelArtifacts: {uri: file://}\n", "  modelArtifacts: {uri: ''}\n",
        "  modelArtifacts: {uri: file://m}\n  decode: {replicas: -1}\n",
        "  modelArtifacts: {uri: file://m}\n  decode: {replicas: \"2\"}\n",
        "  modelArtifacts: {uri: file://m}\n  decode: {replicas: 65}\n",
        "  modelArtifacts: {uri: file://m}\n  decode: {resources: {cpu: x}}\n",
        "  modelArtifacts: {uri: file://m}\n  decode: {resources: {memory: 1Zi}}\n"}) {
    EXPECT_NE(error_of(with_spec(bad)), accepted) << bad;
  }
  EXPECT_THAT(error_of("kind: ModelService"), HasSubstr("apiVersion: is missing"));
  EXPECT_THAT(error_of("apiVersion: llm-d.ai/v1alpha1\nkind: Pod\n"),
              HasSubstr("there is no kind Pod"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("must be a map"));
}

TEST(Yaml, RefusesWhatCouldGrowOrMislead) {
  EXPECT_THAT(parse_yaml("a: &x 1\nb: *x\n", "f").error().message, HasSubstr("f:1:4: anchors"));
  EXPECT_THAT(parse_yaml("a: 1\na: 2\n", "f").error().message, HasSubstr("f:2:1: the key \"a\""));
  EXPECT_THAT(parse_yaml(std::string(33, '['), "f").error().message, HasSubstr("nested"));
  EXPECT_FALSE(parse_yaml(std::string(200'000, '['), "f").ok());
  EXPECT_EQ(parse_yaml(std::string(kYamlBytesMax + 1, ' '), "f").error().code, Errc::kTooLarge);
  std::string many = "[";
  for (size_t i = 0; i < kYamlNodesMax; ++i) many += "1,";
  EXPECT_THAT(parse_yaml(many + "1]", "f").error().message, HasSubstr("too many values"));
  EXPECT_THAT(parse_yaml("a: 1\n---\n, b\n", "f").error().message, HasSubstr("documents"));
  EXPECT_THAT(parse_yaml("a: [1\nb: }\n", "f").error().message, HasSubstr("f:"));
}

TEST(Quantity, ReadsAndPrintsKubernetesForms) {
  EXPECT_EQ(parse_cpu_milli("500m").value(), 500U);
  EXPECT_EQ(parse_cpu_milli("2").value(), 2000U);
  EXPECT_EQ(parse_cpu_milli("0.25").value(), 250U);
  for (const char* bad : {"", "m", "0", "-1", "1.2345", "x", "1 ", "5000", "1e3", "."}) {
    EXPECT_FALSE(parse_cpu_milli(bad).ok()) << bad;
  }
  EXPECT_EQ(parse_memory_bytes("1Gi").value(), 1ULL << 30);
  EXPECT_EQ(parse_memory_bytes("1.5Ki").value(), 1536U);
  EXPECT_EQ(parse_memory_bytes("2k").value(), 2000U);
  EXPECT_EQ(parse_memory_bytes("77").value(), 77U);
  for (const char* bad : {"", "Gi", "0", "1gi", "1.0001", "99999999Pi", "18446744073709551616"}) {
    EXPECT_FALSE(parse_memory_bytes(bad).ok()) << bad;
  }
  for (const uint64_t bytes : {1ULL, 1024ULL, 1536ULL, 1ULL << 40, 1000ULL}) {
    EXPECT_EQ(parse_memory_bytes(print_memory_bytes(bytes)).value(), bytes);
  }
}

}  // namespace
}  // namespace llmd::resources
