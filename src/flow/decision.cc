// SPDX-License-Identifier: Apache-2.0
#include "flow/decision.h"

namespace llmd::flow {
namespace {

/// In the order of Decision.
constexpr std::array<Verdict, kDecisions> kVerdicts = {{
    {"Dispatched", 200, "", "dispatched", 0},
    {"RejectedCapacity", 429, "rejected-saturated", "too many requests wait already", 1},
    {"RejectedCapacity", 429, "rejected-saturated", "no capacity for sheddable requests", 1},
    {"RejectedNoEndpoints", 503, "rejected-no-endpoints", "no endpoint is there", 5},
    {"RejectedOther", 503, "rejected-shutting-down", "the gateway shuts down", 1},
    {"EvictedTTL", 429, "rejected-ttl-expired", "waited too long for capacity", 1},
    {"EvictedNoEndpoints", 503, "rejected-no-endpoints", "waited too long for an endpoint", 5},
    {"EvictedContextCancelled", 503, "rejected-context-cancelled", "the client went away", 0},
    {"EvictedOther", 429, "evicted-queue-pressure", "gave way to a higher priority", 1},
    {"EvictedOther", 503, "rejected-shutting-down", "the gateway shuts down", 1},
    {"EvictedOther", 429, "evicted-priority", "stopped in favour of a higher priority", 1},
}};

}  // namespace

const Verdict& verdict_of(Decision decision) { return kVerdicts[static_cast<size_t>(decision)]; }

}  // namespace llmd::flow
