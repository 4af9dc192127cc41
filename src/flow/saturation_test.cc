// SPDX-License-Identifier: Apache-2.0
#include "flow/saturation.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "flow/test_config.h"

namespace llmd::flow {
namespace {

using endpoints::Endpoint;
using std::chrono::milliseconds;
using std::chrono::seconds;

class DetectorRig {
 public:
  DetectorRig(const char* type, const char* parameters, size_t count, const char* role = "")
      : detector_(parse("saturationDetector: {pluginRef: d}", {plugin("d", type, parameters)})
                      .value()
                      .detector) {
    set_endpoint_count(pool_, count, role);
    now_ += seconds(100);
    detector_->set_endpoints(*pool_.snapshot(), now_);
  }
  Endpoint& endpoint(size_t i) { return *pool_.snapshot()->at(i); }
  void load(size_t i, uint32_t requests, uint64_t tokens = 0) {
    endpoint(i).live.in_flight = requests;
    endpoint(i).live.in_flight_tokens = tokens;
    detector_->refresh(endpoint(i), now_);
  }
  void scrape(size_t i, double waiting, double kv_usage, double running = 0) {
    endpoint(i).live.scrape.waiting = waiting;
    endpoint(i).live.scrape.kv_usage = kv_usage;
    endpoint(i).live.scrape.running = running;
    endpoint(i).live.scraped_at = now_;
    detector_->refresh(endpoint(i), now_);
  }
  double now() { return detector_->saturation(now_).effective; }

  endpoints::Pool pool_;
  std::shared_ptr<SaturationDetector> detector_;
  TimePoint now_{};
};

TEST(ConcurrencyDetector, IsLoadOverCapacityOfThePool) {
  DetectorRig rig("concurrency-detector", "maxConcurrency: 10", 2);
  EXPECT_EQ(rig.now(), 0);
  rig.load(0, 15);
  EXPECT_EQ(rig.now(), 0.75);
  rig.load(1, 5);
  EXPECT_EQ(rig.now(), 1);
  rig.load(0, 0);
  EXPECT_EQ(rig.now(), 0.25);
}

TEST(ConcurrencyDetector, CountsTokensOrTheTighterOfBoth) {
  DetectorRig tokens("concurrency-detector", "{concurrencyMode: tokens, maxTokenConcurrency: 1000}",
                     1);
  tokens.load(0, 5000, 250);
  EXPECT_EQ(tokens.now(), 0.25);
  DetectorRig hybrid("concurrency-detector",
                     "{concurrencyMode: hybrid, maxConcurrency: 10, maxTokenConcurrency: 1000}", 2);
  hybrid.load(0, 5, 250);   // 0.5
  hybrid.load(1, 1, 2000);  // 2
  EXPECT_EQ(hybrid.now(), 1.25);
}

TEST(ConcurrencyDetector, SumsStayExactOverMillionsOfChanges) {
  DetectorRig rig("concurrency-detector", "maxConcurrency: 3", 7);
  Random random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    rig.load(random.below(7), static_cast<uint32_t>(random.below(100)));
  }
  for (size_t i = 0; i < 7; ++i) rig.load(i, 3);
  EXPECT_EQ(rig.now(), 1);
  for (size_t i = 0; i < 7; ++i) rig.load(i, 0);
  EXPECT_EQ(rig.now(), 0);
}

TEST(ConcurrencyDetector, HeadroomIsOfTheFilterOnly) {
  DetectorRig rig("concurrency-detector",
                  "{concurrencyMode: hybrid, maxConcurrency: 10, maxTokenConcurrency: 100, "
                  "headroom: 0.2}",
                  1);
  const auto has_room = [&](uint64_t tokens) {
    return rig.detector_->has_room(rig.endpoint(0), tokens, rig.now_);
  };
  rig.load(0, 11, 100);
  EXPECT_EQ(rig.now(), 1.1);
  EXPECT_TRUE(has_room(20));
  EXPECT_FALSE(has_room(21));
  rig.load(0, 12, 0);
  EXPECT_FALSE(has_room(0));
  rig.load(0, 0, 0);
  EXPECT_TRUE(has_room(100'000));  // nowhere is there more room
}

TEST(UtilizationDetector, IsTheTighterOfQueueAndCacheOnAverage) {
  DetectorRig rig("utilization-detector", "", 2);
  rig.scrape(0, 5, 0.1);
  rig.scrape(1, 0, 0.4);
  EXPECT_EQ(rig.now(), 0.75);
}

TEST(UtilizationDetector, CountsWhatTheScrapeDidNotSeeYet) {
  DetectorRig rig("utilization-detector", "queueDepthThreshold: 4", 1);
  rig.scrape(0, 1, 0, 10);
  rig.load(0, 11);
  EXPECT_EQ(rig.now(), 0.25);
  rig.load(0, 14);
  EXPECT_EQ(rig.now(), 1);
}

TEST(UtilizationDetector, AStaleEndpointCountsByWhatIsKnownToBeThere) {
  DetectorRig rig("utilization-detector", "metricsStalenessThreshold: 1s", 2);
  EXPECT_EQ(rig.detector_->stale(), 2);
  rig.scrape(0, 50, 0);  // ten times full
  rig.now_ += milliseconds(500);
  rig.scrape(1, 0, 0);
  EXPECT_EQ(rig.detector_->stale(), 0);
  EXPECT_EQ(rig.now(), 5);
  rig.load(0, 20);  // does not make its metrics any newer
  rig.now_ += milliseconds(500);
  EXPECT_EQ(rig.now(), 5);
  EXPECT_EQ(rig.detector_->next_change(), rig.now_ + Duration(1));
  rig.now_ += Duration(1);
  EXPECT_NEAR(rig.now(), 0.1, 1e-6);  // 20 of 100 at one of two
  EXPECT_EQ(rig.detector_->stale(), 1);
  rig.now_ += seconds(10);
  EXPECT_NEAR(rig.now(), 0.1, 1e-6);
  EXPECT_EQ(rig.detector_->stale(), 2);
  EXPECT_FALSE(rig.detector_->next_change().has_value());
}

TEST(UtilizationDetector, DoesNotBelieveAbsurdFigures) {
  DetectorRig rig("utilization-detector", "", 1);
  rig.scrape(0, 1e300, 1e300);
  EXPECT_EQ(rig.now(), 1000);
  rig.scrape(0, -1e300, -1);
  EXPECT_GE(rig.now(), 0);
  rig.scrape(0, 0, 0.4);
  EXPECT_EQ(rig.now(), 0.5);
}

TEST(Saturation, TheFullerStageDecides) {
  DetectorRig rig("concurrency-detector", "maxConcurrency: 10", 0);
  const auto with_role = [](const char* name, const char* role) {
    endpoints::EndpointSpec spec{.name = name, .address = "127.0.0.1", .port = 1, .labels = {}};
    spec.labels[std::string(endpoints::kRoleLabel)] = role;
    return spec;
  };
  rig.pool_.update({with_role("p", "prefill"), with_role("d", "decode"), with_role("e", "encode"),
                    with_role("pd", "prefill-decode")});
  rig.detector_->set_endpoints(*rig.pool_.snapshot(), rig.now_);
  rig.load(0, 10);
  rig.load(3, 4);
  const Saturation saturation = rig.detector_->saturation(rig.now_);
  EXPECT_EQ(saturation.prefill, 0.7);
  EXPECT_EQ(saturation.decode, 0.2);
  EXPECT_EQ(saturation.effective, 0.7);
}

TEST(Saturation, AStageWithoutEndpointsIsTheWholePool) {
  DetectorRig rig("concurrency-detector", "maxConcurrency: 10", 2, "decode");
  rig.load(0, 10);
  EXPECT_EQ(rig.detector_->saturation(rig.now_).prefill, 0.5);
}

TEST(Saturation, NobodyThereIsFull) {
  DetectorRig rig("utilization-detector", "", 0);
  EXPECT_TRUE(rig.detector_->empty());
  EXPECT_EQ(rig.now(), 1);
}

TEST(Saturation, EndpointsThatLeftDoNotCount) {
  DetectorRig rig("concurrency-detector", "maxConcurrency: 10", 2);
  const auto old = rig.pool_.snapshot()->at(1);
  rig.load(1, 10);
  set_endpoint_count(rig.pool_, 1);
  rig.detector_->set_endpoints(*rig.pool_.snapshot(), rig.now_);
  EXPECT_EQ(rig.now(), 0);
  old->live.in_flight = 50;
  rig.detector_->refresh(*old, rig.now_);
  EXPECT_EQ(rig.now(), 0);
}

}  // namespace
}  // namespace llmd::flow
