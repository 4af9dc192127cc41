// SPDX-License-Identifier: Apache-2.0
#include "cluster/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "resources/objects.h"

namespace llmd::cluster {
namespace {

/// Everything of a plan as text, one line a replica.
std::string golden(std::string_view yaml, PlanOptions options = {.cores = 4}) {
  const auto objects = resources::parse_objects(yaml, "test");
  if (!objects) return objects.error().message;
  std::string out;
  for (const ReplicaSpec& spec : plan(objects->services, options)) {
    out += fmt::format("{} [{}] {} env={} labels={} {}\n", spec.name, spec.role,
                       fmt::join(spec.argv, " "), spec.env, spec.labels,
                       spec.readiness == Readiness::kReadyLine ? "ready-line" : "health");
  }
  return out;
}

constexpr std::string_view kHead =
    "apiVersion: llm-d.ai/v1alpha1\nkind: ModelService\nmetadata: {name: tiny}\nspec:\n";
constexpr std::string_view kLabels =
    R"(labels={"llm-d.ai/engine-type": "vllm", "llm-d.ai/model-service": "tiny", )"
    R"("llm-d.ai/role": "decode"})";

TEST(Plan, LlmdEnginesShareTheCores) {
  EXPECT_EQ(
      golden(fmt::format("{}  modelArtifacts: {{uri: file://models/m}}\n"
                         "  engine: {{args: [--seed, 1], env: {{A: b}}}}\n"
                         "  decode: {{replicas: 2}}\n",
                         kHead)),
      fmt::format("tiny-0 [decode] llmd engine --model models/m --served-model-name tiny --host "
                  "127.0.0.1 --port {{port}} --threads 2 --seed 1 env=[(\"A\", \"b\")] {0} "
                  "ready-line\n"
                  "tiny-1 [decode] llmd engine --model models/m --served-model-name tiny --host "
                  "127.0.0.1 --port {{port}} --threads 2 --seed 1 env=[(\"A\", \"b\")] {0} "
                  "ready-line\n",
                  kLabels));
}

TEST(Plan, VllmIsServed) {
  EXPECT_EQ(
      golden(fmt::format("{}  modelArtifacts: {{uri: file:///m}}\n  engine: {{type: vllm}}\n"
                         "  routing: {{modelName: org/name}}\n",
                         kHead)),
      fmt::format("tiny-0 [decode] vllm serve /m --served-model-name org/name --host 127.0.0.1 "
                  "--port {{port}} env=[] {} health\n",
                  kLabels));
}

TEST(Plan, SimulatedEnginesNeedNoModel) {
  const std::string yaml = fmt::format(
      "{}  engine: {{type: simulated, args: [--profile, qwen3-32b-tp2-h100]}}\n", kHead);
  EXPECT_EQ(golden(yaml),
            fmt::format("tiny-0 [decode] llmd engine --simulated --served-model-name tiny --host "
                        "127.0.0.1 --port {{port}} --profile qwen3-32b-tp2-h100 env=[] {} "
                        "ready-line\n",
                        kLabels));
  const std::string with_tokenizer = golden(yaml + "  modelArtifacts: {uri: file://models/m}\n");
  EXPECT_NE(with_tokenizer.find(" --tokenizer models/m "), std::string::npos) << with_tokenizer;
}

TEST(Plan, CommandsGetModelAndPort) {
  const std::string yaml = fmt::format(
      "{}  modelArtifacts: {{uri: file:///m}}\n"
      "  engine: {{type: command, command: [run, \"--at=:{{port}}\"], args: [\"{{model}}\"]}}\n",
      kHead);
  EXPECT_EQ(golden(yaml),
            fmt::format("tiny-0 [decode] run --at=:{{port}} /m env=[] {} health\n", kLabels));
  ReplicaSpec spec;
  spec.argv = {"--at=:{port}", "{port}{port}", "x"};
  EXPECT_EQ(fill(spec, {.serving = 80}).argv, (std::vector<std::string>{"--at=:80", "8080", "x"}));
}

TEST(Plan, EnginesThatPublishKvEventsGetPortsForThem) {
  const auto objects = resources::parse_objects(
      fmt::format("{}  modelArtifacts: {{uri: file:///m}}\n  engine: {{type: vllm}}\n"
                  "  kvEvents: {{enabled: true}}\n",
                  kHead),
      "test");
  ASSERT_TRUE(objects.ok()) << objects.error().message;
  const ReplicaSpec planned = plan(objects->services, {}).front();
  EXPECT_TRUE(has_kv_events(planned));
  const ReplicaSpec spec = fill(planned, {.serving = 80, .kv_events = 90, .kv_replay = 91});
  EXPECT_EQ(spec.argv.back(), R"({"enable_kv_cache_events": true, "endpoint": "tcp://*:90", )"
                              R"("replay_endpoint": "tcp://*:91"})");
  EXPECT_EQ(spec.labels.at("llm-d.ai/kv-events-port"), "90");
  EXPECT_EQ(spec.labels.at("llm-d.ai/kv-replay-port"), "91");
}

TEST(Plan, TheGatewayReadsTheSameFiles) {
  EXPECT_EQ(gateway_command("llmd", {}), (std::vector<std::string>{"llmd", "gateway"}));
  EXPECT_EQ(gateway_command("llmd", {"a.yaml", "b.yaml"}),
            (std::vector<std::string>{"llmd", "gateway", "-f", "a.yaml", "-f", "b.yaml"}));
}

TEST(Plan, ThreadsAreAtLeastOneAndWhatResourcesSay) {
  const auto threads = [](std::string_view decode, uint32_t cores) {
    const std::string text =
        golden(fmt::format("{}  modelArtifacts: {{uri: file://m}}\n  decode: {}\n", kHead, decode),
               {.cores = cores});
    const size_t at = text.find("--threads ");
    return at == std::string::npos ? "none" : text.substr(at + 10, 1);
  };
  EXPECT_EQ(threads("{replicas: 3}", 2), "1");
  EXPECT_EQ(threads("{replicas: 1, resources: {cpu: 2500m}}", 8), "3");
  EXPECT_EQ(threads("{replicas: 1}", 0), "none");
  EXPECT_EQ(golden(fmt::format("{}  modelArtifacts: {{uri: file://m}}\n  decode: {{replicas: 0}}\n",
                               kHead)),
            "");
}

}  // namespace
}  // namespace llmd::cluster
