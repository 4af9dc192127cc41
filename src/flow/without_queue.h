// SPDX-License-Identifier: Apache-2.0
// What holds where flow control is off: nobody waits, and sheddable requests are refused in need.
#pragma once

#include "flow/decision.h"
#include "flow/saturation.h"

namespace llmd::flow {

/// kDispatched, or kRejectedSaturated for a priority below 0 when the pool is full.
inline Decision decide_without_queue(int32_t priority, SaturationDetector& detector,
                                     TimePoint now) {
  const bool refused = priority < 0 && detector.saturation(now).effective >= 1;
  return refused ? Decision::kRejectedSaturated : Decision::kDispatched;
}

}  // namespace llmd::flow
