// SPDX-License-Identifier: Apache-2.0
// Ordering policies: which request of one flow goes first.
#pragma once

#include <optional>

#include "base/clock.h"

namespace llmd::flow {

/// When a request came, and when its answer is wanted.
struct Arrival {
  TimePoint received;                ///< by the gateway
  TimePoint enqueued;                ///< in the queue
  std::optional<Duration> ttl;       ///< from `enqueued` on; nothing: waits for ever
  std::optional<Duration> slo_ttft;  ///< from `received` on, as the client says
};

/// Requests go in the order of what this returns, and in the order of their arrival where it is the
/// same. A pure function.
struct OrderingPolicy {
  TimePoint (*due)(const Arrival& arrival) = nullptr;

  explicit operator bool() const { return due != nullptr; }
};

/// First come, first served.
TimePoint fcfs_ordering(const Arrival& arrival);
/// Earliest deadline first: what would expire soonest. Who never expires comes last.
TimePoint edf_ordering(const Arrival& arrival);
/// Whose first token is due soonest. Who names no objective comes last.
TimePoint slo_deadline_ordering(const Arrival& arrival);

}  // namespace llmd::flow
