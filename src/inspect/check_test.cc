// SPDX-License-Identifier: Apache-2.0
#include "inspect/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "inspect/text.h"

namespace llmd::inspect {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

CheckReport check(const std::vector<std::string>& files) {
  return check_files(files, {.cores = 4});
}

CheckReport check_text(std::string_view text) {
  const std::string file = testing::TempDir() + "/check_test.yaml";
  EXPECT_TRUE(write_file_atomically(file, text).ok());
  return check({file});
}

TEST(Check, TheGuidesConfigurationsAreDescribedFromHandlerToPicker) {
  const CheckReport report = check({"tests/configs/pd_disaggregation.yaml"});
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_EQ(report.text,
            "tests/configs/pd_disaggregation.yaml:3: EndpointPickerConfig\n"
            "  handler   disagg-profile-handler deciders={prefill: always-disagg-pd-decider}\n"
            "  decider   always-disagg-pd-decider\n"
            "  producer  approx-prefix-cache-producer maxPrefixTokensToMatch=131072\n"
            "  producer  inflight-load-producer\n"
            "  profile   prefill\n"
            "    filter  prefill-filter\n"
            "    filter  prefix-cache-affinity-filter peakPrefillThroughput=33821\n"
            "    scorer  1 x token-load-scorer\n"
            "    picker  max-score-picker\n"
            "  profile   decode\n"
            "    filter  decode-filter\n"
            "    scorer  1 x active-request-scorer\n"
            "    picker  max-score-picker\n"
            "  flow control off: who finds no endpoint free waits in an engine\n");
}

TEST(Check, DefaultsAndStandInsAreNamed) {
  const CheckReport report = check({"tests/configs/precise_prefix_cache_routing.yaml"});
  EXPECT_THAT(report.text, HasSubstr("handler   single-profile-handler (default)\n"));
  EXPECT_THAT(report.text, HasSubstr("picker  max-score-picker (default)\n"));
  EXPECT_THAT(report.text,
              HasSubstr("warning   prompts are tokenized here, by the model's own files"));
}

TEST(Check, FlowControlIsShownBandByBand) {
  const CheckReport report = check_text(
      "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\nfeatureGates: [flowControl]\n"
      "plugins:\n"
      "- {type: round-robin-fairness-policy, name: fair}\n"
      "- {type: concurrency-detector, parameters: {maxConcurrency: 132}}\n"
      "flowControl:\n"
      "  maxBytes: 10Gi\n"
      "  noEndpointRequestTTL: 1m30s\n"
      "  enableEviction: true\n"
      "  saturationDetector: {pluginRef: concurrency-detector}\n"
      "  priorityBands: [{priority: 100, maxRequests: 500, fairnessPolicyRef: fair}]\n");
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_THAT(report.text,
              EndsWith("  flow control: any requests and 10Gi bytes may wait\n"
                       "    wait    60 s; without any endpoint 90 s\n"
                       "    gauge   concurrency-detector maxConcurrency=132\n"
                       "    limit   static-usage-limit-policy (default)\n"
                       "    evicts  running requests of negative priority\n"
                       "    PRIORITY  REQUESTS  BYTES                FAIRNESS          ORDER\n"
                       "    100            500     1G                    fair  fcfs-ordering\n"
                       "    others       5,000     1G  global-strict-fairness  fcfs-ordering\n"
                       "    below 0      5,000     1G  global-strict-fairness  fcfs-ordering\n"));
}

TEST(Check, AServiceIsShownAsItsReplicas) {
  const CheckReport report = check_text(
      "apiVersion: llm-d.ai/v1alpha1\nkind: ModelService\nmetadata: {name: sim}\n"
      "spec:\n"
      "  engine: {type: simulated, env: {A: b}}\n"
      "  decode: {replicas: 2}\n"
      "  scheduling: {plugins: [{type: random-picker}]}\n");
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_THAT(report.text, EndsWith("check_test.yaml:1: ModelService \"sim\": 2 replicas of sim\n"
                                    "  replicas sim-0, sim-1\n"
                                    "  command  llmd engine --simulated --served-model-name sim "
                                    "--host 127.0.0.1\n"
                                    "           --port {port}\n"
                                    "  env      A=b\n"
                                    "  labels   llm-d.ai/engine-type=vllm "
                                    "llm-d.ai/model-service=sim\n"
                                    "           llm-d.ai/role=decode\n"
                                    "  EndpointPickerConfig\n"
                                    "    handler   single-profile-handler (default)\n"
                                    "    producer  approx-prefix-cache-producer (default)\n"
                                    "    producer  inflight-load-producer (default)\n"
                                    "    profile   default\n"
                                    "      picker  random-picker\n"
                                    "    flow control off: who finds no endpoint free waits in an "
                                    "engine\n"));
}

TEST(Check, ATokenizerIsReadAsTheGatewayWill) {
  const std::string config =
      "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\n"
      "plugins: [{type: token-producer, parameters: {path: PATH}}, {type: queue-scorer}]\n";
  const auto with_path = [&](const std::string& path) {
    std::string text = config;
    return text.replace(text.find("PATH"), 4, path);
  };
  EXPECT_THAT(check_text(with_path("words4")).text,
              HasSubstr("tokens    words4, 4294967296 in the vocabulary\n"));
  EXPECT_THAT(check_text(with_path("/no/such/model")).text,
              HasSubstr("warning   prompts are placed by their bytes, not their tokens: "));
}

TEST(Check, AServicesOwnTokenizerIsNamedWhereItIsNeeded) {
  const std::string service =
      "apiVersion: llm-d.ai/v1alpha1\nkind: ModelService\nmetadata: {name: sim}\n"
      "spec:\n  engine: {type: simulated}\n  scheduling: {plugins: [{type: ";
  EXPECT_THAT(check_text(service + "token-producer}]}\n").text, HasSubstr("tokens    words4"));
  EXPECT_THAT(check_text(service + "queue-scorer}]}\n").text, Not(HasSubstr("words4")));
}

TEST(Check, ObjectivesAndRewritesAreShownAsPrioritiesAndPercents) {
  const CheckReport report = check_text(
      "apiVersion: llm-d.ai/v1alpha2\nkind: InferenceObjective\nmetadata: {name: slow}\n"
      "spec: {poolRef: {name: p}, priority: -5}\n"
      "---\n"
      "apiVersion: llm-d.ai/v1alpha2\nkind: InferenceModelRewrite\nmetadata: {name: canary}\n"
      "spec:\n"
      "  poolRef: {name: p}\n"
      "  rules:\n"
      "  - matches: [{model: {value: chat}}, {model: {value: talk}}]\n"
      "    targets: [{weight: 2, modelRewrite: v1}, {weight: 1, modelRewrite: v2}]\n"
      "  - targets: [{modelRewrite: v1}]\n");
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_THAT(report.text,
              HasSubstr("InferenceObjective \"slow\" for the pool p: priority -5, may be shed\n"));
  EXPECT_THAT(report.text, EndsWith("InferenceModelRewrite \"canary\" for the pool p\n"
                                    "  chat, talk\n    -> v1 66.67%, v2 33.33%\n"
                                    "  any model\n    -> v1\n"));
}

TEST(Check, EndpointsAreATableAndBadOnesAreErrors) {
  const CheckReport report = check_text(
      "endpoints:\n"
      "- {name: a, address: 10.0.0.1, port: \"8000\"}\n"
      "- {name: b, address: 10.0.0.1, port: \"80000\"}\n"
      "- {name: c, address: 10.0.0.1, port: \"8001\", labels: {llm-d.ai/role: prefill}}\n");
  EXPECT_THAT(report.text, EndsWith(":1: 2 endpoints\n"
                                    "  NAME  ADDRESS        ROLE     ENGINE\n"
                                    "  a     10.0.0.1:8000  any      vllm\n"
                                    "  c     10.0.0.1:8001  prefill  vllm\n"));
  EXPECT_THAT(report.errors, ElementsAre(HasSubstr("check_test.yaml:3:38: ")));
}

TEST(Check, EveryErrorIsReported) {
  const std::string good = testing::TempDir() + "/check_good.yaml";
  const std::string bad = testing::TempDir() + "/check_bad.yaml";
  const std::string_view config = "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\n";
  ASSERT_TRUE(write_file_atomically(good, config).ok());
  ASSERT_TRUE(
      write_file_atomically(
          bad, std::string(config) + "plugins: [{type: queue-scorr}]\n---\nkind: Pod\n---\n" +
                   std::string(config) +
                   "metadata: {name: b}\nplugins: [{type: concurrency-detector, parameters: {x: "
                   "1}}]\n---\n" +
                   std::string(config) + "metadata: {name: c}\nflowControl: {maxByte: 1}\n")
          .ok());
  const CheckReport report = check({bad, testing::TempDir() + "/check_absent.yaml", good});
  EXPECT_THAT(report.errors,
              ElementsAre(HasSubstr("did you mean queue-scorer?"),
                          HasSubstr("there is no kind Pod"), HasSubstr("x: there is no such key"),
                          HasSubstr("flowControl.maxByte: there is no such key; did you mean "
                                    "maxBytes?"),
                          HasSubstr("check_absent.yaml")));
  EXPECT_THAT(report.text, HasSubstr("check_good.yaml:1: EndpointPickerConfig\n"));
  EXPECT_THAT(report.text, Not(HasSubstr("check_bad.yaml")));
}

TEST(Check, ConfigurationsOfTheBenchAreReadByIt) {
  EXPECT_THAT(check({"bench/routing/optimized_baseline.yml"}).text,
              HasSubstr(": configuration of llmd bench\n"));
  EXPECT_THAT(check_text("load: {typ: constant}\n").errors, ElementsAre(HasSubstr("load.typ")));
}

TEST(Check, LongLinesAreWrapped) {
  const std::string word(30, 'x');
  EXPECT_EQ(wrap("  a ", 4, {word, word, word, "\x1b"}),
            "  a " + word + " " + word + "\n    " + word + " ?\n");
  EXPECT_EQ(indented("a\n  b\n", 2), "  a\n    b\n");
}

}  // namespace
}  // namespace llmd::inspect
