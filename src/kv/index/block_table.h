// SPDX-License-Identifier: Apache-2.0
// A hash table from block keys to sets of holders that is read while it is written.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>

#include "kv/hash/block_key.h"
#include "kv/index/holder_sets.h"

namespace llmd::kv {

/// A block is found by the upper bits of its key alone too: what an engine's hashes are mapped to.
/// Two of ten million keys agree in them with a probability of a sixth; such a pair is taken for
/// one block where an engine removes one of them.
inline constexpr int kShortKeyBits = 48;
constexpr uint64_t short_key(BlockKey key) { return key >> (64 - kShortKeyBits); }

/// The uppermost bits of a key say which of the index's tables has it.
inline constexpr int kShardBits = 4;

/// Open addressing in buckets of one cache line. Entries never move while the table lives, so that
/// a reader cannot miss one; each bucket counts the entries that found it full and went on, so that
/// a search knows where to end. One writer, any readers.
class BlockTable {
 public:
  /// An entry of the writer's.
  struct Place {
    size_t bucket;
    size_t at;
  };

  explicit BlockTable(size_t buckets_min);

  // Readers:
  /// Where to begin to look for the key, already on its way into the cache.
  size_t fetch(BlockKey key) const {
    const size_t bucket = home(key);
    __builtin_prefetch(&buckets_[bucket]);
    return bucket;
  }
  /// From where fetch() said; kNobody when absent.
  SetId find(BlockKey key, size_t bucket) const;

  // The writer:
  /// Fetches where find_place() or find_short() will begin to look.
  void fetch_short(uint64_t short_key) const {
    __builtin_prefetch(&buckets_[home_of_short(short_key)]);
  }
  std::optional<Place> find_place(BlockKey key) const;
  std::optional<Place> find_short(uint64_t short_key) const;
  /// A key that is not there yet.
  void insert(BlockKey key, SetId holders);
  void erase(Place place);
  BlockKey key_at(Place place) const {
    return buckets_[place.bucket].keys[place.at].load(std::memory_order_relaxed);
  }
  SetId holders_at(Place place) const {
    return buckets_[place.bucket].holders[place.at].load(std::memory_order_relaxed);
  }
  void set_holders(Place place, SetId holders) {
    buckets_[place.bucket].holders[place.at].store(holders, std::memory_order_release);
  }

  size_t size() const { return size_; }
  size_t buckets() const { return count_; }
  bool is_full() const { return size_ >= count_ * kPlaces * kLoadPercentMax / 100; }
  size_t bytes() const { return count_ * sizeof(Bucket); }
  /// Calls `each` with every place of a bucket that is taken.
  template <typename Each>
  void for_bucket(size_t bucket, Each each) const {
    for (size_t at = 0; at < kPlaces; ++at) {
      if (key_at({bucket, at}) != kFree) each(Place{bucket, at});
    }
  }

 private:
  static constexpr size_t kPlaces = 5;
  static constexpr size_t kLoadPercentMax = 85;
  static constexpr BlockKey kFree = 0;
  struct alignas(64) Bucket {
    std::atomic<BlockKey> keys[kPlaces];
    std::atomic<SetId> holders[kPlaces];
    std::atomic<uint32_t> passed;  ///< entries that lie behind because this was full
  };
  static_assert(sizeof(Bucket) == 64);

  size_t home(BlockKey key) const { return home_of_short(short_key(key)); }
  /// Of the upper bits only, so that find_short() begins where find() does.
  size_t home_of_short(uint64_t short_key) const;
  void note_passed(size_t bucket, int change);
  size_t next(size_t bucket) const { return bucket + 1 == count_ ? 0 : bucket + 1; }
  template <typename Matches>
  std::optional<Place> search(size_t bucket, Matches matches) const;

  struct Unmap {
    size_t count;
    void operator()(Bucket* buckets) const;
  };
  static size_t rounded(size_t buckets);
  static Bucket* map(size_t count);

  const size_t count_;
  size_t size_ = 0;
  const std::unique_ptr<Bucket[], Unmap> buckets_;
};

inline size_t BlockTable::home_of_short(uint64_t short_key) const {
  __extension__ using Wide = unsigned __int128;
  constexpr int kUnused = 64 - kShortKeyBits + kShardBits;
  return static_cast<size_t>((static_cast<Wide>(short_key << kUnused) * count_) >> 64);
}

/// The key is read again after the holders: an entry that was taken out and given to another block
/// in between counts as absent.
inline SetId BlockTable::find(BlockKey key, size_t bucket) const {
  for (size_t looked_at = 0; looked_at < count_; ++looked_at) {
    const Bucket& here = buckets_[bucket];
    // Compares all keys, as where the key lies cannot be predicted: one jump less saves 5 ns.
    uint32_t equal = 0;
#pragma GCC unroll 5
    for (size_t at = 0; at < kPlaces; ++at) {
      equal |= static_cast<uint32_t>(here.keys[at].load(std::memory_order_acquire) == key) << at;
    }
    if (equal != 0) {
      const auto at = static_cast<size_t>(std::countr_zero(equal));
      const SetId holders = here.holders[at].load(std::memory_order_acquire);
      return here.keys[at].load(std::memory_order_relaxed) == key ? holders : kNobody;
    }
    if (here.passed.load(std::memory_order_relaxed) == 0) return kNobody;
    bucket = next(bucket);
  }
  return kNobody;
}

}  // namespace llmd::kv
