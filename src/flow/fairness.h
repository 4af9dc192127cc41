// SPDX-License-Identifier: Apache-2.0
// Fairness policies: which flow of a band may send its first request next.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "flow/flow.h"
#include "resources/fields.h"

namespace llmd::flow {

/// The flows of one band that have requests. Loop thread only.
class FairnessQueue {
 public:
  virtual ~FairnessQueue() = default;

  /// `flow` has its first item.
  virtual void add(Flow& flow, TimePoint now) = 0;
  /// `flow` has no item any more.
  virtual void remove(Flow& flow, TimePoint now) = 0;
  /// Another item than before is the first one of `flow`.
  virtual void head_changed(Flow& flow) = 0;
  /// The flow whose turn it is. Some flow has items.
  virtual Flow& pick(TimePoint now) = 0;
  /// The first item of `flow` was let through; comes before head_changed() or remove().
  virtual void took_turn(Flow& flow) = 0;
};

/// One plugin instance, which several bands may share. Loop thread only; outlives its queues.
class FairnessPolicy {
 public:
  virtual ~FairnessPolicy() = default;
  virtual std::unique_ptr<FairnessQueue> new_queue() = 0;
  /// What a request of that tenant cost, known at its end.
  virtual void served(std::string_view fairness_id, uint64_t prompt_tokens, uint64_t output_tokens,
                      TimePoint now) = 0;
};

using MadeFairness = Result<std::shared_ptr<FairnessPolicy>>;

/// No regard to flows: the best item of all by the ordering policy. O(log flows).
MadeFairness make_global_strict_fairness(resources::Fields& parameters);
/// One request of each flow in turn. O(1).
MadeFairness make_round_robin_fairness(resources::Fields& parameters);
/// Least attained service: prefers who got the fewest tokens of late, and who waits longest. Costs
/// about a nanosecond for each flow that has requests.
MadeFairness make_program_aware_fairness(resources::Fields& parameters);

}  // namespace llmd::flow
