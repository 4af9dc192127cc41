// SPDX-License-Identifier: Apache-2.0
// Which cache holds which block: the facts that streams of events bring, for all endpoints at once.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kv/hash/block_key.h"
#include "kv/index/block_table.h"
#include "kv/index/holder_sets.h"
#include "kv/index/plane.h"
#include "kv/index/read_epochs.h"

namespace llmd::kv {

/// One life of an endpoint's caches: cleared, it goes on under another lane.
using Lane = uint32_t;
inline constexpr size_t kLanesMax = 4096;
inline constexpr size_t kLaneWordsMax = kLanesMax / 64;

/// One writer thread; lookups (IndexReader) from any thread at any time, and none waits for
/// another. A block is kept once, in 12 bytes, with the name of the set of its holders: as many as
/// there are.
class BlockIndex {
 public:
  BlockIndex();
  ~BlockIndex();

  /// A lane for the endpoint, an id of the caller's; nothing when all are in use.
  std::optional<Lane> open(uint32_t endpoint);
  /// What the lane held is forgotten at once; sweep() clears it away later.
  void close(Lane lane);

  /// The plane of that meaning; nothing when there are too many.
  std::optional<size_t> plane_of(const Plane& plane);

  /// False when it held it before.
  bool add(BlockKey key, Lane lane, size_t plane);
  /// False when it did not hold it.
  bool remove(uint64_t short_key, Lane lane, size_t plane);
  /// The whole key of a block that somebody holds.
  std::optional<BlockKey> find_key(uint64_t short_key) const;

  /// Clears closed lanes away, some buckets a call, and frees what readers are done with. Call it
  /// after each batch of events.
  void sweep();

  size_t blocks() const;
  size_t sets() const;
  /// Memory of tables and sets.
  size_t bytes() const;

  /// Says that the block is about to be added, removed or looked for: where it lies is fetched
  /// meanwhile. Writer's thread.
  void prefetch(uint64_t short_key) const {
    table(shard_of_short(short_key)).fetch_short(short_key);
  }

 private:
  friend class IndexReader;
  static constexpr size_t kShards = size_t{1} << kShardBits;
  using Lanes = std::array<uint64_t, kLaneWordsMax>;
  using AtomicLanes = std::array<std::atomic<uint64_t>, kLaneWordsMax>;
  struct Old {
    std::unique_ptr<BlockTable> table;
    std::unique_ptr<HolderSets> sets;
    uint64_t epoch;
  };

  struct Resting {
    Lane lane;
    uint64_t epoch;
  };

  static size_t shard_of(BlockKey key) { return key >> (64 - kShardBits); }
  static size_t shard_of_short(uint64_t key) { return key >> (kShortKeyBits - kShardBits); }
  BlockTable& table(size_t shard) const { return *tables_[shard].load(std::memory_order_relaxed); }
  HolderSets& holder_sets() const { return *sets_.load(std::memory_order_relaxed); }
  void grow(size_t shard);
  void widen(size_t planes, size_t words);
  void begin_sweep();
  void sweep_bucket(BlockTable& table, size_t bucket);
  void finish_sweep();
  void free_what_nobody_reads();

  ReadEpochs epochs_;
  std::array<std::atomic<BlockTable*>, kShards> tables_;
  std::atomic<HolderSets*> sets_;
  AtomicLanes open_;                                        ///< lanes that count
  std::array<std::atomic<uint32_t>, kLanesMax> endpoints_;  ///< by lane, of those
  std::array<AtomicLanes, kPlanesMax> used_;  ///< by plane: lanes that ever held something there
  std::array<Plane, kPlanesMax> planes_;      ///< each written before it is counted
  std::atomic<size_t> plane_count_{0};
  std::vector<Old> old_;  ///< replaced, and perhaps still read

  std::vector<Lane> free_lanes_;
  std::deque<Resting> resting_lanes_;  ///< cleared away, and perhaps still read
  Lane next_lane_ = 0;                 ///< the lowest that was never used
  Lanes closed_{};                     ///< to be cleared away by the next pass
  Lanes sweeping_{};                   ///< by the one that is under way
  bool sweeps_ = false;
  size_t sweep_shard_ = 0;
  size_t sweep_bucket_ = 0;
};

}  // namespace llmd::kv
