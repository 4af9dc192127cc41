// SPDX-License-Identifier: Apache-2.0
// What somebody keeps for each endpoint of a pool.
#pragma once

#include <memory>
#include <vector>

#include "endpoints/endpoint.h"

namespace llmd::endpoints {

/// One State for each endpoint, found by its slot; begun anew where the slot was another endpoint's
/// before. One thread.
template <typename State>
class BySlot {
 public:
  State& of(const std::shared_ptr<Endpoint>& endpoint) {
    if (entries_.size() <= endpoint->slot) entries_.resize(endpoint->slot + 1);
    Entry& entry = entries_[endpoint->slot];
    if (!is_of(entry, endpoint)) entry = {.endpoint = endpoint, .state = {}};
    return entry.state;
  }
  /// Null where of() was not called for it, or for another one since.
  State* find(const std::shared_ptr<Endpoint>& endpoint) {
    if (endpoint->slot >= entries_.size()) return nullptr;
    Entry& entry = entries_[endpoint->slot];
    return is_of(entry, endpoint) ? &entry.state : nullptr;
  }

 private:
  struct Entry {
    std::weak_ptr<Endpoint> endpoint;
    State state;
  };
  static bool is_of(const Entry& entry, const std::shared_ptr<Endpoint>& endpoint) {
    return entry.endpoint.lock() == endpoint;
  }

  std::vector<Entry> entries_;
};

}  // namespace llmd::endpoints
