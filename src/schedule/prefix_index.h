// SPDX-License-Identifier: Apache-2.0
// Which endpoint probably holds which prefix in its cache: an estimate kept from what was sent
// there. Loop thread only.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "endpoints/pool.h"

namespace llmd::schedule {

/// One open-addressed table holds every block once, with one bit for each endpoint, so that one
/// probe a block answers for all of them. Each endpoint forgets by CLOCK within its own capacity,
/// a chain's tail before its head, as the head is what the rest is worth nothing without.
class PrefixIndex {
 public:
  using UnitsBySlot = std::array<uint32_t, endpoints::kEndpointsMax>;

  PrefixIndex();

  /// For each slot the units of its unbroken run of blocks from the first one on.
  void match(std::span<const uint64_t> hashes, UnitsBySlot& units) const;

  /// The endpoint was sent this prompt, so it will hold these blocks. Count it when the request is
  /// placed, not when it ends: a burst of equal prompts then follows the first.
  void record(uint32_t slot, std::span<const uint64_t> hashes);

  /// How much the endpoint's cache holds, in units; 0 means unknown and takes a default.
  void set_capacity(uint32_t slot, uint64_t units);

  /// The endpoint's cache is gone.
  void clear(uint32_t slot);

  size_t blocks() const { return size_; }
  uint64_t units(uint32_t slot) const { return places_[slot].used_units; }

 private:
  static constexpr size_t kWords = endpoints::kEndpointsMax / 64;

  struct Slots {
    std::array<uint64_t, kWords> words{};

    bool test(uint32_t slot) const { return (words[slot / 64] >> (slot % 64) & 1) != 0; }
    void set(uint32_t slot) { words[slot / 64] |= uint64_t{1} << (slot % 64); }
    void reset(uint32_t slot) { words[slot / 64] &= ~(uint64_t{1} << (slot % 64)); }
    bool none() const;
  };

  struct Entry {
    uint64_t hash = 0;  ///< 0 marks a free place
    Slots holders;
    Slots used_again;  ///< since the eviction hand last passed
  };

  /// One endpoint's blocks in the order in which they are to be forgotten.
  struct Place {
    std::deque<uint64_t> order;
    uint64_t used_units = 0;
    uint64_t capacity_units;
  };

  size_t home(uint64_t hash) const { return (hash >> 1) & (table_.size() - 1); }
  const Entry* find(uint64_t hash) const;
  Entry* find(uint64_t hash);
  Entry& find_or_insert(uint64_t hash);
  void erase(Entry* entry);
  void grow();
  void evict(uint32_t slot);
  void forget(uint32_t slot, uint64_t hash);

  std::vector<Entry> table_;
  size_t size_ = 0;
  std::array<Place, endpoints::kEndpointsMax> places_;
};

}  // namespace llmd::schedule
