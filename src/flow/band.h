// SPDX-License-Identifier: Apache-2.0
// The queue of one priority: flows of requests, and who of them goes first.
#pragma once

#include <cstdint>
#include <memory>

#include "flow/config.h"
#include "flow/flow.h"
#include "flow/string_map.h"

namespace llmd::flow {

/// Flows without requests that a band keeps, so that the memory of busy tenants is used again.
inline constexpr size_t kIdleFlowsMax = 1024;

/// Loop thread only. Does not own its items.
struct Band {
  Band(int32_t priority_level, BandConfig band_config)
      : priority(priority_level),
        config(std::move(band_config)),
        turns(config.fairness->new_queue()) {}

  bool empty() const { return requests == 0; }
  bool has_room(uint64_t more_bytes) const {
    return requests < config.requests_max && more_bytes <= config.bytes_max - bytes;
  }
  /// The one that came last; not empty.
  Item& youngest() { return *by_age_.back(); }
  /// The one that has waited longest; null when empty.
  Item* oldest() const { return by_age_.front(); }

  void push(Item& item, TimePoint now);
  /// Takes out any queued item.
  void remove(Item& item, TimePoint now);
  /// Takes out the one whose turn it is; not empty.
  Item& pop(TimePoint now);

  const int32_t priority;
  const BandConfig config;
  size_t rank = 0;  ///< among all bands, 0 the highest; the controller's
  std::unique_ptr<FairnessQueue> turns;
  uint64_t requests = 0;
  uint64_t bytes = 0;
  uint32_t running = 0;   ///< let through, not ended
  TimePoint last_used{};  ///< when the last request came

 private:
  Flow& flow_of(std::string_view fairness_id);
  void retire(Flow& flow);

  StringMap<Flow> flows_;
  LinkedList<Flow, &Flow::links> idle_;  ///< the longest idle one first
  size_t idle_count_ = 0;
  LinkedList<Item, &Item::age> by_age_;
};

}  // namespace llmd::flow
