// SPDX-License-Identifier: Apache-2.0
// What was sent where so lately that the engines' events need not tell of it yet.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/clock.h"
#include "kv/hash/block_key.h"

namespace llmd::schedule {

/// A burst of equal prompts follows the first of them only if that counts before it is computed.
/// Keys are chained, so that two prompts are compared by a binary search for the last equal key.
/// Loop thread only.
class RecentPlacements {
 public:
  explicit RecentPlacements(Duration lifetime) : lifetime_(lifetime) {}

  void add(uint32_t slot, std::span<const kv::BlockKey> keys, TimePoint now);
  /// The endpoint of this slot has lost its cache.
  void forget(uint32_t slot);
  /// Raises `blocks`, by slot what each endpoint holds of the prompt, to what it is about to hold.
  void raise(std::span<const kv::BlockKey> keys, TimePoint now, std::vector<uint32_t>& blocks);

  size_t size() const { return placements_.size(); }

 private:
  struct Placement {
    uint32_t slot;
    TimePoint at;
    std::vector<kv::BlockKey> keys;
  };

  void drop_oldest();

  const Duration lifetime_;
  std::deque<Placement> placements_;  ///< the oldest first
  size_t keys_ = 0;                   ///< of all
};

}  // namespace llmd::schedule
