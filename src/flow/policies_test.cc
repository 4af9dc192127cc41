// SPDX-License-Identifier: Apache-2.0
// Usage limits and orderings by themselves; fairness by the order in which a band gives its items.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "flow/band.h"
#include "flow/test_config.h"

namespace llmd::flow {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

TimePoint at(Duration since_start) { return TimePoint{} + since_start; }

TEST(Ordering, FcfsGoesByArrivalInTheQueue) {
  const Arrival arrival{.received = at(seconds(1)),
                        .enqueued = at(seconds(2)),
                        .ttl = seconds(5),
                        .slo_ttft = milliseconds(1)};
  EXPECT_EQ(fcfs_ordering(arrival), at(seconds(2)));
}

TEST(Ordering, EdfGoesByExpiryAndPutsTheEndlessLast) {
  Arrival arrival{
      .received = at(seconds(1)), .enqueued = at(seconds(2)), .ttl = seconds(5), .slo_ttft = {}};
  EXPECT_EQ(edf_ordering(arrival), at(seconds(7)));
  arrival.ttl.reset();
  EXPECT_EQ(edf_ordering(arrival), TimePoint::max());
}

TEST(Ordering, SloDeadlineCountsFromReceptionAndPutsOthersLast) {
  Arrival arrival{.received = at(seconds(1)),
                  .enqueued = at(seconds(2)),
                  .ttl = seconds(5),
                  .slo_ttft = milliseconds(300)};
  EXPECT_EQ(slo_deadline_ordering(arrival), at(milliseconds(1300)));
  arrival.slo_ttft.reset();
  EXPECT_EQ(slo_deadline_ordering(arrival), TimePoint::max());
}

std::vector<double> ceilings_of(const char* type, const char* parameters, double saturation,
                                std::vector<int32_t> priorities) {
  const auto config =
      parse("usageLimitPolicyPluginRef: p", {plugin("p", type, parameters)}).value();
  std::vector<double> ceilings(priorities.size());
  config.usage_limit->limit(saturation, priorities, ceilings);
  return ceilings;
}

TEST(UsageLimit, StaticIsTheSameForAll) {
  EXPECT_THAT(ceilings_of("static-usage-limit-policy", "", 0.4, {1, 0}), ElementsAre(1, 1));
  EXPECT_THAT(ceilings_of("static-usage-limit-policy", "threshold: 0.7", 0.4, {1, 0}),
              ElementsAre(0.7, 0.7));
}

TEST(UsageLimit, HoldbackByRankIgnoresHowFarPrioritiesAreApart) {
  EXPECT_THAT(ceilings_of("priority-holdback-policy", "{minCeiling: 0.25, maxCeiling: 0.75}", 0.9,
                          {1000, 1, 0}),
              ElementsAre(0.75, 0.5, 0.25));
  EXPECT_THAT(ceilings_of("priority-holdback-policy", "minCeiling: 0.25", 0.9, {0}),
              ElementsAre(1));
}

TEST(UsageLimit, HoldbackByValueScalesWithPriorities) {
  EXPECT_THAT(ceilings_of("priority-holdback-policy", "{minCeiling: 0.5, domain: value}", 0.9,
                          {6, -2, -10}),
              ElementsAre(1, 0.75, 0.5));
  EXPECT_THAT(ceilings_of("priority-holdback-policy", "{minCeiling: 0.5, domain: value}", 0.9, {3}),
              ElementsAre(1));
}

TEST(UsageLimit, SoftReflectiveOpensLowerBandsOnceInSeveralAttempts) {
  const auto config = parse("usageLimitPolicyPluginRef: soft-reflective-ceiling-policy").value();
  const std::vector<int32_t> priorities = {2, 1, 0};
  std::vector<double> ceilings(3);
  config.usage_limit->limit(0.4, priorities, ceilings);
  EXPECT_THAT(ceilings, ElementsAre(1, 1, 1));  // 1 - 0.4 is still above 0.4
  // At 0.75 the reflections are 0.625 and 0.25, and one attempt of 3 is open.
  std::vector<double> middle;
  std::vector<double> lowest;
  for (int i = 0; i < 6; ++i) {
    config.usage_limit->limit(0.75, priorities, ceilings);
    EXPECT_EQ(ceilings[0], 1);
    middle.push_back(ceilings[1]);
    lowest.push_back(ceilings[2]);
  }
  EXPECT_THAT(middle, ElementsAre(0, 0, 1, 0, 0, 1));
  EXPECT_EQ(lowest, middle);
  config.usage_limit->limit(1.2, priorities, ceilings);
  EXPECT_THAT(ceilings, ElementsAre(1, 0, 0));
}

/// A band that is filled and emptied by hand.
class BandRig {
 public:
  explicit BandRig(const char* fairness, const char* parameters = "")
      : config_(parse("defaultPriorityBand: {fairnessPolicyRef: p}",
                      {plugin("p", fairness, parameters)})
                    .value()),
        band_(0, config_.default_band) {}

  void push(const char* tenant, Duration enqueued = {}) {
    Item& item = items_.emplace_back();
    item.sequence = items_.size();
    item.fairness_id = tenant;
    item.enqueued = item.due = at(enqueued);
    band_.push(item, item.enqueued);
  }
  std::string pop(Duration now = {}) { return band_.pop(at(now)).fairness_id; }
  std::vector<std::string> pop_all() {
    std::vector<std::string> order;
    while (!band_.empty()) order.push_back(pop());
    return order;
  }
  void serve(const char* tenant, uint64_t prompt, uint64_t output, Duration now) {
    config_.default_band.fairness->served(tenant, prompt, output, at(now));
  }

  std::deque<Item> items_;
  Config config_;
  Band band_;
};

TEST(Fairness, GlobalStrictKnowsNoTenants) {
  BandRig rig("global-strict-fairness-policy");
  rig.push("b", seconds(2));
  rig.push("a", seconds(1));
  rig.push("a", seconds(3));
  rig.push("c", seconds(1));
  EXPECT_THAT(rig.pop_all(), ElementsAre("a", "c", "b", "a"));
}

TEST(Fairness, RoundRobinGivesEachTenantATurn) {
  BandRig rig("round-robin-fairness-policy");
  for (const char* tenant : {"a", "a", "a", "b", "c", "c"}) rig.push(tenant);
  EXPECT_EQ(rig.pop(), "a");
  rig.push("d");  // comes after those who are there, a among them
  EXPECT_THAT(rig.pop_all(), ElementsAre("b", "c", "a", "d", "c", "a"));
}

TEST(Fairness, ProgramAwarePrefersWhoGotLess) {
  BandRig rig("program-aware-fairness");
  rig.serve("a", 100, 0, {});
  rig.serve("b", 0, 49, {});  // answers count twice
  rig.serve("c", 0, 51, {});
  for (const char* tenant : {"c", "a", "b"}) rig.push(tenant);
  EXPECT_THAT(rig.pop_all(), ElementsAre("b", "a", "c"));
}

// Upstream's numbers: 0.8 for service and 0.2 for waiting, each scaled to the range seen.
TEST(Fairness, ProgramAwareWeighsServiceAgainstWaiting) {
  const auto first = [](uint64_t tokens_of_a) {
    BandRig rig("program-aware-fairness");
    rig.serve("a", tokens_of_a, 0, {});
    rig.serve("most", 1000, 0, {});
    rig.push("a", seconds(0));
    rig.push("none", seconds(10));
    rig.push("most", seconds(10));
    return rig.pop(seconds(20));
  };
  EXPECT_EQ(first(240), "a");     // 0.8 * 0.76 + 0.2 > 0.8
  EXPECT_EQ(first(260), "none");  // 0.8 * 0.74 + 0.2 < 0.8
}

TEST(Fairness, ProgramAwareForgetsHalfOfTheServiceEveryHalfLife) {
  const auto first = [](uint64_t tokens_of_recent) {
    BandRig rig("program-aware-fairness", "lasHalfLifeSeconds: 30");
    rig.serve("early", 1000, 0, seconds(0));
    rig.serve("recent", tokens_of_recent, 0, seconds(60));
    rig.push("early", seconds(60));
    rig.push("recent", seconds(60));
    return rig.pop(seconds(60));
  };
  EXPECT_EQ(first(240), "recent");  // against the 250 that are left of 1000
  EXPECT_EQ(first(260), "early");
}

TEST(Fairness, ProgramAwareStaysRightOverAYear) {
  BandRig rig("program-aware-fairness");
  for (int hour = 0; hour < 24 * 365; ++hour) {
    rig.serve("a", 1000, 0, std::chrono::hours(hour));
    rig.serve("b", 999, 0, std::chrono::hours(hour));
  }
  rig.push("a", std::chrono::hours(24 * 365));
  rig.push("b", std::chrono::hours(24 * 365));
  EXPECT_EQ(rig.pop(), "b");
}

TEST(Fairness, ProgramAwareForgetsIdleProgramsAndKeepsWaitingOnes) {
  BandRig rig("program-aware-fairness", "{evictionTtlSeconds: 10, evictionSweepSeconds: 1}");
  rig.serve("gone", 1000, 0, seconds(0));
  rig.serve("waits", 500, 0, seconds(0));
  rig.push("waits", seconds(1));
  rig.serve("other", 1, 0, seconds(20));
  rig.push("gone", seconds(20));  // starts anew
  EXPECT_THAT(rig.pop_all(), ElementsAre("gone", "waits"));
}

TEST(Band, KeepsFewIdleFlowsAndMixesUpNone) {
  BandRig rig("round-robin-fairness-policy");
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < 2 * kIdleFlowsMax; ++i) rig.push(std::to_string(i).c_str());
    for (size_t i = 0; i < 2 * kIdleFlowsMax; ++i) EXPECT_EQ(rig.pop(), std::to_string(i));
  }
  EXPECT_EQ(rig.band_.bytes, 0U);
}

}  // namespace
}  // namespace llmd::flow
