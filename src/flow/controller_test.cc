// SPDX-License-Identifier: Apache-2.0
#include "flow/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flow/test_rig.h"

namespace llmd::flow {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

Request of(int32_t priority, const char* tenant = "default-flow", uint64_t bytes = 0) {
  Request request;
  request.priority = priority;
  request.fairness_id = tenant;
  request.bytes = bytes;
  return request;
}

TEST(Controller, LetsThroughAtOnceWhileThereIsRoomAndInOrderAfter) {
  Rig rig(config_with(2));
  for (const char* name : {"a", "b", "c", "d"}) rig.add(name);
  EXPECT_THAT(rig.dispatched_, ElementsAre("a", "b"));
  EXPECT_EQ(rig.controller_.usage().requests, 2U);
  rig.finish("a");
  EXPECT_THAT(rig.dispatched_, ElementsAre("a", "b", "c"));
  rig.finish("b");
  rig.finish("c");
  EXPECT_TRUE(rig.runs("d"));
  EXPECT_EQ(rig.controller_.usage().requests, 0U);
  EXPECT_EQ(rig.controller_.usage().running, 1U);
}

TEST(Controller, AllThatFitsGoesInOneCall) {
  Rig rig(config_with(1));
  for (int i = 0; i < 50; ++i) rig.add(std::to_string(i));
  rig.set_endpoints(40);
  EXPECT_EQ(rig.dispatched_.size(), 40U);
}

TEST(Controller, HigherPriorityGoesFirstAndBlocksWhoIsBelow) {
  Rig rig(config_with(1));
  rig.add("running");
  rig.add("low", of(0));
  rig.add("high", of(10));
  rig.add("sheddable", of(-10));
  for (const char* name : {"running", "high", "low"}) rig.finish(name);
  EXPECT_THAT(rig.dispatched_, ElementsAre("running", "high", "low", "sheddable"));
}

TEST(Controller, HoldbackKeepsRoomForHigherPriorities) {
  Rig rig(config_with(4,
                      "usageLimitPolicyPluginRef: h\npriorityBands: [{priority: 1}, "
                      "{priority: 0}]",
                      {plugin("h", "priority-holdback-policy", "minCeiling: 0.5")}));
  for (const char* name : {"a", "b", "c"}) rig.add(name, of(0));
  EXPECT_THAT(rig.dispatched_, ElementsAre("a", "b"));
  rig.add("d", of(1));
  rig.add("e", of(1));
  EXPECT_THAT(rig.dispatched_, ElementsAre("a", "b", "d", "e"));
}

TEST(Controller, BoundsOfABandAreByRequestsAndBytes) {
  Rig rig(config_with(1,
                      "priorityBands: [{priority: 0, maxRequests: 2}, "
                      "{priority: 1, maxBytes: 10}]"));
  rig.add("running");
  for (const char* name : {"a", "b", "c"}) rig.add(name, of(0));
  EXPECT_FALSE(rig.decision("b").has_value());
  EXPECT_EQ(rig.decision("c"), Decision::kRejectedCapacity);
  rig.add("d", of(1, "t", 7));
  rig.add("e", of(1, "t", 4));
  rig.add("f", of(1, "t", 3));
  EXPECT_EQ(rig.decision("e"), Decision::kRejectedCapacity);
  EXPECT_FALSE(rig.decision("f").has_value());
  EXPECT_EQ(rig.controller_.usage().bytes, 10U);
}

TEST(Controller, WhoNeedNotWaitNeedsNoPlaceInTheQueue) {
  Rig rig(config_with(1, "priorityBands: [{priority: 0, maxBytes: 10}]"));
  rig.add("large", of(0, "t", 1000));
  EXPECT_TRUE(rig.runs("large"));
}

TEST(Controller, PrioritiesWithoutABandGetOneOfTheirOwn) {
  Rig rig(config_with(1,
                      "defaultPriorityBand: {maxRequests: 1}\n"
                      "defaultNegativePriorityBand: {maxRequests: 2}"));
  rig.add("running");
  for (const char* name : {"a", "b"}) rig.add(name, of(3));
  for (const char* name : {"c", "d"}) rig.add(name, of(4));
  for (const char* name : {"e", "f", "g"}) rig.add(name, of(-3));
  EXPECT_EQ(rig.decision("b"), Decision::kRejectedCapacity);
  EXPECT_EQ(rig.decision("d"), Decision::kRejectedCapacity);
  EXPECT_FALSE(rig.decision("f").has_value());
  EXPECT_EQ(rig.decision("g"), Decision::kRejectedCapacity);
  rig.finish("running");
  EXPECT_TRUE(rig.runs("c"));
}

TEST(Controller, AFullQueueShedsTheYoungestOfTheLowestForAHigherOne) {
  Rig rig(config_with(1, "maxRequests: 3"));
  rig.add("running");
  rig.add("n1", of(-1));
  rig.add("n2-old", of(-2));
  rig.add("n2-young", of(-2));
  rig.add("another", of(-2));
  EXPECT_EQ(rig.decision("another"), Decision::kRejectedCapacity);
  rig.add("a", of(0));
  EXPECT_EQ(rig.decision("n2-young"), Decision::kShed);
  EXPECT_FALSE(rig.decision("n2-old").has_value());
  rig.add("b", of(-1));
  EXPECT_EQ(rig.decision("n2-old"), Decision::kShed);
  rig.add("c", of(0));
  EXPECT_EQ(rig.decision("b"), Decision::kShed);
  rig.add("d", of(0));
  rig.add("e", of(100));
  EXPECT_EQ(rig.decision("n1"), Decision::kShed);
  EXPECT_EQ(rig.decision("e"), Decision::kRejectedCapacity) << "who is not sheddable stays";
}

TEST(Controller, ShedsForBytesOnlyIfThatIsEnough) {
  Rig rig(config_with(1, "maxBytes: 100"));
  rig.add("running");
  rig.add("keeps", of(0, "t", 50));
  rig.add("n1", of(-1, "t", 20));
  rig.add("n2", of(-1, "t", 20));
  rig.add("too-large", of(5, "t", 51));
  EXPECT_EQ(rig.decision("too-large"), Decision::kRejectedCapacity);
  EXPECT_FALSE(rig.decision("n2").has_value());
  rig.add("fits", of(5, "t", 45));
  EXPECT_EQ(rig.decision("n1"), Decision::kShed);
  EXPECT_EQ(rig.decision("n2"), Decision::kShed);
  EXPECT_EQ(rig.controller_.usage().bytes, 95U);
}

TEST(Controller, RequestsExpireToTheNanosecond) {
  Rig rig(config_with(1, "defaultRequestTTL: 10s"));
  rig.add("running");
  rig.add("common");
  rig.advance(seconds(1));
  Request own = of(0);
  own.ttl = seconds(3);
  rig.add("own", own);
  own.ttl = Duration::zero();
  rig.add("endless", own);
  rig.advance(seconds(3) - Duration(1));
  EXPECT_FALSE(rig.decision("own").has_value());
  rig.advance(Duration(1));
  EXPECT_EQ(rig.decision("own"), Decision::kExpired);
  rig.advance(seconds(6) - Duration(1));
  EXPECT_FALSE(rig.decision("common").has_value());
  rig.advance(Duration(1));
  EXPECT_EQ(rig.decision("common"), Decision::kExpired);
  rig.advance(seconds(1'000'000));
  EXPECT_FALSE(rig.decision("endless").has_value());
  EXPECT_EQ(rig.controller_.usage().requests, 1U);
}

TEST(Controller, WithoutATtlNobodyExpires) {
  Rig rig(config_with(1, "defaultRequestTTL: 0s"));
  rig.add("running");
  rig.add("waits");
  rig.advance(std::chrono::hours(10'000));
  EXPECT_FALSE(rig.decision("waits").has_value());
}

TEST(Controller, NobodyThereIsAWaitingRoom) {
  Rig rig(config_with(1, "defaultRequestTTL: 10s\nnoEndpointRequestTTL: 100s"), 0);
  rig.add("a");
  rig.advance(seconds(1));
  rig.add("b");
  rig.advance(seconds(99) - Duration(1));
  EXPECT_FALSE(rig.decision("a").has_value());
  rig.advance(Duration(1));
  EXPECT_EQ(rig.decision("a"), Decision::kExpiredNoEndpoints);
  EXPECT_FALSE(rig.decision("b").has_value());
  rig.set_endpoints(1);
  EXPECT_TRUE(rig.runs("b"));
}

TEST(Controller, TheTimeWithoutEndpointsIsNoTimeOfWaitingForCapacity) {
  Rig rig(config_with(1, "defaultRequestTTL: 10s\nnoEndpointRequestTTL: 100s"), 0);
  rig.add("first");
  rig.add("second");
  rig.advance(seconds(50));
  rig.set_endpoints(1);
  EXPECT_TRUE(rig.runs("first"));
  rig.advance(seconds(10) - Duration(1));
  EXPECT_FALSE(rig.decision("second").has_value());
  rig.advance(Duration(1));
  EXPECT_EQ(rig.decision("second"), Decision::kExpired);
}

TEST(Controller, AFullWaitingRoomSaysThatNobodyIsThere) {
  Rig rig(config_with(1, "defaultPriorityBand: {maxRequests: 1}"), 0);
  rig.add("a");
  rig.add("b");
  EXPECT_EQ(rig.decision("b"), Decision::kRejectedNoEndpoints);
}

TEST(Controller, CancelledRequestsLeaveNothingBehind) {
  Rig rig(config_with(1, "defaultRequestTTL: 10s"));
  rig.add("running");
  const auto id = rig.add("gone", of(0, "t", 5));
  rig.add("next");
  EXPECT_TRUE(rig.controller_.cancel(id));
  EXPECT_FALSE(rig.controller_.cancel(id));
  EXPECT_FALSE(rig.controller_.cancel(rig.ids_["running"]));
  EXPECT_EQ(rig.controller_.usage().bytes, 0U);
  rig.finish("running");
  EXPECT_TRUE(rig.runs("next"));
  rig.advance(seconds(20));
  EXPECT_FALSE(rig.decision("gone").has_value());
  EXPECT_FALSE(rig.controller_.cancel(Controller::Id{1} << 40 | 77));
}

TEST(Controller, ShutdownRefusesWhoWaitsAndWhoComes) {
  Rig rig(config_with(1));
  rig.add("running");
  rig.add("waits", of(3));
  rig.add("waits too", of(-3));
  rig.controller_.shutdown();
  EXPECT_EQ(rig.decision("waits"), Decision::kShutDown);
  EXPECT_EQ(rig.decision("waits too"), Decision::kShutDown);
  rig.finish("running");
  rig.add("late");
  EXPECT_EQ(rig.decision("late"), Decision::kRejectedShuttingDown);
}

TEST(Controller, EndingTwiceCountsOnce) {
  Rig rig(config_with(2));
  const auto id = rig.add("a");
  rig.finish("a");
  rig.controller_.finished(id);
  EXPECT_EQ(rig.controller_.usage().running, 0U);
}

TEST(Controller, TimersBearThatTheControllerIsGone) {
  VirtualTime time;
  endpoints::Pool pool;
  set_endpoint_count(pool, 1);
  observe::Registry registry;
  {
    Config config = config_with(1);
    config.detector->set_endpoints(*pool.snapshot(), time.now());
    pool.snapshot()->front()->live.in_flight = 1;
    config.detector->refresh(*pool.snapshot()->front(), time.now());
    Controller controller(std::move(config), time, time.call_after(), registry, "pool", {});
    EXPECT_FALSE(controller.enqueue({}, [](Decision) { FAIL(); }).decision.has_value());
  }
  time.run();
}

// What a decision sets off may go through the controller again.
TEST(Controller, DecisionsMayCallBack) {
  Rig rig(config_with(1));
  rig.add("running");
  std::optional<Decision> told;
  Request request = of(1);
  request.ttl = seconds(10);
  rig.controller_.enqueue(request, [&](Decision decision) {
    told = decision;
    EXPECT_TRUE(rig.controller_.cancel(rig.ids_["gone"]));
    rig.add("from inside", of(2));
    rig.finish("running");
    EXPECT_FALSE(rig.decision("from inside").has_value()) << "its turn comes after this call";
  });
  rig.add("gone", of(3));
  rig.add("waits", of(0));
  rig.advance(seconds(10));
  EXPECT_EQ(told, Decision::kExpired);
  EXPECT_THAT(rig.dispatched_, ElementsAre("running", "from inside"));
  rig.finish("from inside");
  EXPECT_TRUE(rig.runs("waits"));
}

TEST(Controller, SheddingMayShutDown) {
  Rig rig(config_with(1, "maxRequests: 1"));
  rig.add("running");
  rig.controller_.enqueue(of(-1), [&](Decision decision) {
    EXPECT_EQ(decision, Decision::kShed);
    rig.controller_.shutdown();
  });
  rig.add("a", of(1));
  EXPECT_EQ(rig.decision("a"), Decision::kRejectedShuttingDown);
  EXPECT_EQ(rig.controller_.usage().requests, 0U);
}

TEST(Controller, StaleMetricsDoNotStopDispatch) {
  Config config = parse("saturationDetector: {pluginRef: u}",
                        {plugin("u", "utilization-detector", "metricsStalenessThreshold: 1s")})
                      .value();
  Rig rig(std::move(config));
  rig.advance(seconds(1));
  auto& live = rig.pool_.snapshot()->front()->live;
  live.scrape.waiting = 100;
  live.scraped_at = rig.time_.now();
  rig.detector_->refresh(*rig.pool_.snapshot()->front(), rig.time_.now());
  rig.add("a");
  EXPECT_FALSE(rig.runs("a"));
  rig.advance(seconds(1));
  EXPECT_FALSE(rig.runs("a"));
  rig.advance(Duration(1));  // nobody calls
  EXPECT_TRUE(rig.runs("a"));
}

TEST(Controller, ExposesUpstreamsMetrics) {
  Rig rig(config_with(1, "maxRequests: 4\npriorityBands: [{priority: 0, maxRequests: 2}]"));
  rig.add("running", of(0, "tenant"));
  Request request = of(0, "tenant", 12);
  request.model = "llama";
  rig.add("waits", request);
  rig.add("waits too", of(0, "tenant"));
  rig.add("refused", of(0, "tenant"));
  rig.controller_.publish_metrics();
  const std::string page = rig.registry_.exposition();
  const std::string labels =
      R"(fairness_id="tenant",inference_pool="pool",model_name="llama",priority="0",)"
      R"(target_model_name="")";
  for (const std::string& line : {
           "llm_d_epp_flow_control_queue_size{" + labels + "} 1",
           "llm_d_epp_flow_control_queue_bytes{" + labels + "} 12",
           std::string(R"(flow_control_pool_saturation{inference_pool="pool",stage="decode"} 1)"),
           std::string(R"(capacity_utilization_requests{inference_pool="pool",priority="0"} 1)"),
           std::string(R"(global_capacity_utilization_requests{inference_pool="pool"} 0.5)"),
           std::string(R"(flow_control_requests_total{inference_pool="pool",)"
                       R"(outcome="RejectedCapacity",priority="0"} 1)"),
           std::string(R"(enqueue_duration_seconds_count{fairness_id="tenant",)"
                       R"(outcome="Dispatched",priority="0"} 1)"),
       }) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST(Controller, InventedTenantsShareOneSeries) {
  Rig rig(config_with(1'000'000));
  for (size_t i = 0; i < observe::LabelValues::kMax + 10; ++i) {
    const std::string tenant = "t" + std::to_string(i);
    rig.add(tenant, of(0, tenant.c_str()));
  }
  rig.controller_.publish_metrics();
  const std::string page = rig.registry_.exposition();
  EXPECT_THAT(page, HasSubstr(R"(fairness_id="t999")"));
  EXPECT_THAT(page, Not(HasSubstr(R"(fairness_id="t1000")")));
  EXPECT_THAT(page, HasSubstr(R"(enqueue_duration_seconds_count{fairness_id="other",)"
                              R"(outcome="Dispatched",priority="0"} 10)"));
}

}  // namespace
}  // namespace llmd::flow
