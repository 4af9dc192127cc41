// SPDX-License-Identifier: Apache-2.0
// Which endpoint probably holds which prefix in its cache: an estimate kept from what was sent
// there. Loop thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "endpoints/pool.h"

namespace llmd::schedule {

/// One open-addressed table holds every block once, with one bit for each endpoint, so that one
/// probe a block answers for all of them. Each endpoint forgets by CLOCK within its own capacity,
/// a chain's tail before its head, as the head is what the rest is worth nothing without. Entries
/// are as wide as the highest slot needs: 24 bytes for up to 64 endpoints.
class PrefixIndex {
 public:
  PrefixIndex();

  /// By slot the units of its unbroken run of blocks from the first one on; slots at the end that
  /// hold nothing may be left out.
  void match(std::span<const uint64_t> hashes, std::vector<uint32_t>& units) const;

  /// The endpoint was sent this prompt, so it will hold these blocks. Count it when the request is
  /// placed, not when it ends: a burst of equal prompts then follows the first.
  void record(uint32_t slot, std::span<const uint64_t> hashes);

  /// How much the endpoint's cache holds, in units; 0 means unknown and takes a default.
  void set_capacity(uint32_t slot, uint64_t units);

  /// The endpoint's cache is gone.
  void clear(uint32_t slot);

  /// Whether what is recorded next drives something else out.
  bool is_full(uint32_t slot) const;
  size_t blocks() const { return size_; }
  uint64_t units(uint32_t slot) const {
    return slot < places_.size() ? places_[slot].used_units : 0;
  }

 private:
  static constexpr size_t kWordBits = 64;
  static constexpr size_t kWordsMax = endpoints::kEndpointsMax / kWordBits;

  /// In the table: a hash, 0 marking a free place; a bit for each slot that holds the block; and
  /// one for each that was sent it again since its eviction hand last passed.
  class Entry {
   public:
    Entry(uint64_t* words, size_t width) : words_(words), width_(width) {}
    uint64_t& hash() const { return words_[0]; }
    uint64_t* holders() const { return words_ + 1; }
    uint64_t* used_again() const { return words_ + 1 + width_; }
    bool is_held() const;

   private:
    uint64_t* words_;
    size_t width_;
  };

  /// One endpoint's blocks in the order in which they are to be forgotten.
  struct Place {
    std::deque<uint64_t> order;
    uint64_t used_units = 0;
    uint64_t capacity_units;
  };

  size_t stride() const { return 1 + 2 * width_; }
  size_t places() const { return table_.size() / stride(); }
  size_t home(uint64_t hash) const { return (hash >> 1) & (places() - 1); }
  Entry at(size_t place) { return {&table_[place * stride()], width_}; }
  uint64_t hash_at(size_t place) const { return table_[place * stride()]; }
  const uint64_t* find_holders(uint64_t hash) const;
  size_t find(uint64_t hash) const;
  Entry find_or_insert(uint64_t hash);
  void erase(size_t place);
  void rebuild(size_t places, size_t width);
  Place& place_of(uint32_t slot);
  void evict(uint32_t slot);
  void forget(uint32_t slot, uint64_t hash);

  size_t width_ = 1;  ///< words of a set of slots
  std::vector<uint64_t> table_;
  size_t size_ = 0;
  std::vector<Place> places_;  ///< by slot
};

}  // namespace llmd::schedule
