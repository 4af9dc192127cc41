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
  /// Of the part of the table that lookups read.
  size_t bytes() const { return table_.bytes_looked_up(); }
  uint64_t units(uint32_t slot) const {
    return slot < places_.size() ? places_[slot].used_units : 0;
  }

 private:
  static constexpr size_t kWordBits = 64;
  static constexpr size_t kWordsMax = endpoints::kEndpointsMax / kWordBits;
  using Slots = std::array<uint64_t, kWordsMax>;
  static constexpr Slots kNobody = {};

  /// A place: the block's hash, 0 marking a free one; a bit for each slot that holds the block; and
  /// one for each that was sent it again since its eviction hand last passed.
  struct Entry {
    uint64_t& hash;
    std::span<uint64_t> holders;
    std::span<uint64_t> used_again;
  };

  /// Open addressing, linear probing. What lookups read lies apart from the rest, so that a place
  /// mostly lies in one cache line.
  class Table {
   public:
    /// A power of two of places, with `width` words for each set of slots.
    Table(size_t places, size_t width);

    size_t width() const { return width_; }
    size_t places() const { return mask_ + 1; }
    size_t bytes_looked_up() const { return looked_up_.size() * sizeof(uint64_t); }
    size_t next(size_t place) const { return (place + 1) & mask_; }
    /// How far round the table it is from one place to another.
    size_t distance(size_t from, size_t to) const { return (to - from) & mask_; }
    size_t home(uint64_t hash) const { return (hash >> 1) & mask_; }
    uint64_t hash_at(size_t place) const { return looked_up_[place * (1 + width_)]; }
    /// Where the hash is, or the free place where it would be.
    size_t find(uint64_t hash) const;
    static constexpr size_t kBatch = 32;
    using Holders = std::array<const uint64_t*, kBatch>;
    /// Of up to kBatch blocks; null for one that no slot holds.
    void find_holders(std::span<const uint64_t> hashes, Holders& holders) const;
    Entry at(size_t place);

   private:
    size_t width_;
    size_t mask_;
    std::vector<uint64_t> looked_up_;   ///< by place: hash, holders
    std::vector<uint64_t> used_again_;  ///< by place
  };

  /// One endpoint's blocks in the order in which they are to be forgotten.
  struct Place {
    std::deque<uint64_t> order;
    uint64_t used_units = 0;
    uint64_t capacity_units;
  };

  static bool end_runs(std::span<const uint64_t> holders, Slots& going_on, uint32_t matched,
                       std::vector<uint32_t>& units);
  Entry find_or_insert(uint64_t hash);
  static void copy(const Entry& from, const Entry& to);
  void erase(size_t place);
  void rebuild(size_t places, size_t width);
  Place& place_of(uint32_t slot);
  void evict(uint32_t slot);
  void forget(uint32_t slot, uint64_t hash);

  Table table_;
  size_t size_ = 0;
  std::vector<Place> places_;  ///< by slot
};

}  // namespace llmd::schedule
