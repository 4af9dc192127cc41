// SPDX-License-Identifier: Apache-2.0
// Eviction of running sheddable requests, seen from outside the controller.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flow/test_rig.h"

namespace llmd::flow {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Request of(int32_t priority) {
  Request request;
  request.priority = priority;
  return request;
}

TEST(Eviction, EndsTheYoungestOfTheLowestSoThatAHigherOneRuns) {
  Rig rig(config_with(3, "enableEviction: true"));
  rig.add("n1", of(-1));
  rig.add("n2-old", of(-2));
  const auto victim = rig.add("n2-young", of(-2));
  rig.add("high", of(1));
  rig.advance(Duration::zero());
  ASSERT_THAT(rig.evicted_, ElementsAre(victim));
  EXPECT_FALSE(rig.runs("high"));
  rig.finish("n2-young");
  EXPECT_TRUE(rig.runs("high"));
  EXPECT_THAT(rig.registry_.exposition(),
              HasSubstr(R"(revocations_total{inference_pool="pool",outcome="confirmed"} 1)"));
}

TEST(Eviction, ConfirmedAtOnceEndsAsManyAsWait) {
  Rig rig(config_with(3, "enableEviction: true"));
  for (const char* name : {"a", "b", "c"}) rig.add(name, of(-1));
  for (const char* name : {"d", "e"}) rig.add(name, of(0));
  rig.advance(Duration::zero());
  rig.finish("c");
  rig.finish("b");
  EXPECT_EQ(rig.evicted_.size(), 2U);
  EXPECT_TRUE(rig.runs("d"));
  EXPECT_TRUE(rig.runs("e"));
}

TEST(Eviction, EndsEnoughToGetBelowTheCeiling) {
  Rig rig(config_with(3, "enableEviction: true"), 2);
  for (int i = 0; i < 6; ++i) rig.add("n" + std::to_string(i), of(-1));
  auto& endpoint = *rig.pool_.snapshot()->front();
  endpoint.live.in_flight = 6;  // others send there too: 9 of 6
  rig.detector_->refresh(endpoint, rig.time_.now());
  rig.add("high", of(1));
  rig.advance(Duration::zero());
  EXPECT_EQ(rig.evicted_.size(), 2U) << "(1.5 - 1) / (1.5 / 6)";
}

TEST(Eviction, NeverEndsEqualsNorThoseWhoAreNotSheddable) {
  Rig rig(config_with(2, "enableEviction: true"));
  rig.add("zero", of(0));
  rig.add("minus", of(-1));
  rig.add("equal", of(-1));
  rig.add("lower", of(-2));
  rig.advance(seconds(30));
  EXPECT_THAT(rig.evicted_, IsEmpty());
  rig.add("high", of(5));
  rig.add("high too", of(5));
  rig.advance(Duration::zero());
  EXPECT_THAT(rig.evicted_, ElementsAre(rig.ids_["minus"]));
}

TEST(Eviction, IsOffUnlessAskedFor) {
  Rig rig(config_with(1));
  rig.add("n", of(-1));
  rig.add("high", of(1));
  rig.advance(seconds(30));
  EXPECT_THAT(rig.evicted_, IsEmpty());
}

TEST(Eviction, WaitsForConfirmationButNotForEver) {
  Rig rig(config_with(2, "enableEviction: true"));
  rig.add("a", of(-1));
  rig.add("b", of(-1));
  rig.add("high", of(1));
  rig.add("high too", of(1));
  rig.advance(seconds(10) - Duration(1));
  EXPECT_THAT(rig.evicted_, ElementsAre(rig.ids_["b"]));
  rig.advance(Duration(1));
  EXPECT_THAT(rig.evicted_, ElementsAre(rig.ids_["b"], rig.ids_["a"]));
  EXPECT_THAT(rig.registry_.exposition(),
              HasSubstr(R"(revocations_total{inference_pool="pool",outcome="timed_out"} 1)"));
  rig.finish("b");  // late, and harmless
  EXPECT_TRUE(rig.runs("high"));
  rig.finish("a");
  EXPECT_TRUE(rig.runs("high too"));
}

// The KV usage of the next scrape says that a request is gone, not the request's end.
TEST(Eviction, GivesScrapedFiguresTimeToFollow) {
  Rig rig(parse("enableEviction: true").value());
  rig.advance(seconds(1));
  const auto scrape = [&](double kv_usage) {
    auto& endpoint = *rig.pool_.snapshot()->front();
    endpoint.live.scrape.kv_usage = kv_usage;
    endpoint.live.scrape.running = endpoint.live.in_flight;
    endpoint.live.scraped_at = rig.time_.now();
    rig.detector_->refresh(endpoint, rig.time_.now());
    rig.controller_.capacity_changed();
  };
  scrape(0.1);
  for (const char* name : {"a", "b", "c"}) rig.add(name, of(-1));
  scrape(0.8);
  rig.add("high", of(1));
  rig.advance(Duration::zero());
  EXPECT_EQ(rig.evicted_.size(), 1U);
  rig.finish("c");
  rig.advance(milliseconds(500) - Duration(1));
  EXPECT_EQ(rig.evicted_.size(), 1U);
  rig.advance(Duration(1));
  EXPECT_EQ(rig.evicted_.size(), 2U) << "the cache is as full as before";
}

}  // namespace
}  // namespace llmd::flow
