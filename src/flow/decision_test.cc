// SPDX-License-Identifier: Apache-2.0
#include "flow/decision.h"

#include <gtest/gtest.h>

#include "flow/test_config.h"
#include "flow/without_queue.h"

namespace llmd::flow {
namespace {

TEST(Decision, PressureIs429AndNobodyThereIs503) {
  EXPECT_EQ(verdict_of(Decision::kRejectedCapacity).status, 429);
  EXPECT_EQ(verdict_of(Decision::kRejectedSaturated).reason, "rejected-saturated");
  EXPECT_EQ(verdict_of(Decision::kExpired).status, 429);
  EXPECT_EQ(verdict_of(Decision::kExpired).reason, "rejected-ttl-expired");
  EXPECT_EQ(verdict_of(Decision::kExpiredNoEndpoints).status, 503);
  EXPECT_EQ(verdict_of(Decision::kExpiredNoEndpoints).reason, "rejected-no-endpoints");
  EXPECT_EQ(verdict_of(Decision::kShed).reason, "evicted-queue-pressure");
  EXPECT_EQ(verdict_of(Decision::kShutDown).status, 503);
  EXPECT_EQ(verdict_of(Decision::kRevoked).outcome, "EvictedOther");
  EXPECT_EQ(verdict_of(Decision::kRevoked).reason, "evicted-priority");
}

TEST(Decision, EveryRefusalSaysWhyAndNoneIsOurFault) {
  for (size_t i = 1; i < kDecisions; ++i) {
    const Verdict& verdict = verdict_of(static_cast<Decision>(i));
    EXPECT_TRUE(verdict.status == 429 || verdict.status == 503) << i;
    EXPECT_FALSE(verdict.reason.empty()) << i;
    EXPECT_TRUE(verdict.status != 429 || verdict.retry_after_s > 0) << i;
  }
}

TEST(WithoutQueue, OnlySheddableRequestsAreRefusedAndOnlyWhenFull) {
  endpoints::Pool pool;
  set_endpoint_count(pool, 1);
  const auto detector = config_with(2).detector;
  detector->set_endpoints(*pool.snapshot(), {});
  EXPECT_EQ(decide_without_queue(-1, *detector, {}), Decision::kDispatched);
  pool.snapshot()->front()->live.in_flight = 2;
  detector->refresh(*pool.snapshot()->front(), {});
  EXPECT_EQ(decide_without_queue(-1, *detector, {}), Decision::kRejectedSaturated);
  EXPECT_EQ(decide_without_queue(0, *detector, {}), Decision::kDispatched);
}

}  // namespace
}  // namespace llmd::flow
