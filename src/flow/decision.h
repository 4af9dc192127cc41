// SPDX-License-Identifier: Apache-2.0
// What becomes of a request that asks to be let through, and what its client is told: one table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace llmd::flow {

enum class Decision : uint8_t {
  kDispatched,
  kRejectedCapacity,      ///< the queue is full
  kRejectedSaturated,     ///< without a queue: sheddable, and the pool has no room
  kRejectedNoEndpoints,   ///< nobody there, and no room to wait for somebody
  kRejectedShuttingDown,  ///< came after shutdown()
  kExpired,               ///< waited for its whole TTL
  kExpiredNoEndpoints,    ///< waited for an endpoint for the whole no-endpoint TTL
  kCancelled,             ///< its client went away while it waited
  kShed,                  ///< gave its place in a full queue to a higher priority
  kShutDown,              ///< waited when shutdown() came
  kRevoked,               ///< was running, and was stopped in favour of a higher priority
};
inline constexpr size_t kDecisions = 11;

/// What a response says of a decision.
struct Verdict {
  std::string_view outcome;  ///< upstream's name of it, a metrics label
  int status;                ///< HTTP; 200 when dispatched
  std::string_view reason;   ///< value of x-llm-d-request-dropped-reason; empty when dispatched
  std::string_view message;  ///< for a person
  int retry_after_s;         ///< 0: no Retry-After
};

inline constexpr std::string_view kDroppedReasonHeader = "x-llm-d-request-dropped-reason";

/// Never a status of 500: who is refused did nothing wrong, and neither did we.
const Verdict& verdict_of(Decision decision);

}  // namespace llmd::flow
