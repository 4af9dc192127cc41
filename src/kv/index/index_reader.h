// SPDX-License-Identifier: Apache-2.0
// Asks the index how much of a prompt each endpoint holds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kv/index/block_index.h"

namespace llmd::kv {

/// What one endpoint holds of a prompt from its first block on, without a gap.
struct Match {
  uint32_t endpoint = 0;
  /// Blocks by the fastest tier that has them.
  std::array<uint32_t, kTiers> blocks{};

  uint32_t length() const { return blocks[0] + blocks[1] + blocks[2]; }
};

/// One thread at a time; several readers may read while the index is written. Allocates nothing
/// once warm.
class IndexReader {
 public:
  /// The index must outlive the reader.
  explicit IndexReader(BlockIndex& index);
  ~IndexReader();
  IndexReader(const IndexReader&) = delete;
  IndexReader& operator=(const IndexReader&) = delete;

  /// Of the endpoints that hold the first block; in no order. Valid until the next call. Stops at
  /// the first block that nobody goes on with.
  std::span<const Match> match(std::span<const BlockKey> keys);

 private:
  /// Lanes as a bitmap; of it only the words that the sets have are looked at.
  using Lanes = std::array<uint64_t, kLaneWordsMax>;
  using InTier = std::array<Lanes, kTiers>;
  /// Consecutive blocks of the same holders.
  struct Run {
    SetId holders;
    uint32_t end;
  };
  struct Planes {
    std::array<Plane, kPlanesMax> planes;
    size_t count = 0;
    bool has_groups = false;   ///< more than one
    bool has_windows = false;  ///< of sliding attention
  };

  void begin(size_t words);
  void read_planes();
  void read_runs(std::span<const BlockKey> keys);
  const BlockTable& table_of(BlockKey key) const {
    return *index_.tables_[BlockIndex::shard_of(key)].load(std::memory_order_acquire);
  }
  bool add_run(SetId holders, uint32_t at);
  void find_tiers(const uint64_t* holders, InTier& now) const;
  void or_plane(const uint64_t* holders, size_t plane, Lanes& lanes) const;
  void drop_incomplete(const uint64_t* holders, InTier& now) const;
  void settle(const InTier& now, uint32_t at);
  void finish(uint32_t length);
  uint32_t fit_windows(Lane lane, uint32_t length) const;
  uint32_t fit_window(Lane lane, size_t plane, uint32_t length) const;
  bool holds(SetId holders, uint32_t group, Lane lane) const;
  static void shorten(Match& match, uint32_t length);

  BlockIndex& index_;
  const size_t place_;
  Planes planes_;
  const HolderSets* sets_ = nullptr;       ///< as of the last run
  size_t words_ = 0;                       ///< of the bitmaps now
  Lanes going_on_;                         ///< that hold every block so far
  InTier in_tier_;                         ///< of those, by where they hold the current run
  std::array<uint32_t, kLanesMax> since_;  ///< by lane: the block from which on it is there
  std::array<std::array<uint32_t, kTiers>, kLanesMax> blocks_;  ///< by lane, of settled runs
  Lanes matched_;                                               ///< lanes that have any
  std::vector<Run> runs_;
  std::vector<Match> matches_;
};

}  // namespace llmd::kv
