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
