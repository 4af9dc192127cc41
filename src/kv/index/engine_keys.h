// SPDX-License-Identifier: Apache-2.0
// An engine's hashes, and which block of the index each stands for. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "kv/hash/block_key.h"

namespace llmd::kv {

/// An engine announces a block once for each copy, and takes each back: entries are counted.
/// 12 bytes each, 13 to 16 with the free room: 48 bits of the engine's hash, scattered, and the
/// block's short key; copies, which are rare, lie apart. Two of a hundred thousand hashes agree in
/// 48 bits with a probability of 2e-5; they are then taken for one.
class EngineKeys {
 public:
  /// One copy more of the block. False when another block had that hash: then nothing changes.
  bool add(uint64_t hash, uint64_t short_key);
  /// One copy less. The block if this was the last; nothing if others are left, or none was there.
  std::optional<uint64_t> remove(uint64_t hash);
  /// The short key of the block.
  std::optional<uint64_t> find(uint64_t hash) const;

  /// Fetches where the hash lies, which is about to be asked for.
  void prefetch(uint64_t hash) const {
    if (size_ > 0) __builtin_prefetch(&entries_[home(tag_of(hash))]);
  }

  size_t size() const { return size_; }
  size_t bytes() const { return entries_.capacity() * sizeof(Entry); }

 private:
  /// All three words 0: free.
  struct Entry {
    uint32_t tag_low = 0;
    uint32_t key_low = 0;
    uint16_t tag_high = 0;
    uint16_t key_high = 0;

    uint64_t tag() const { return uint64_t{tag_high} << 32 | tag_low; }
    uint64_t key() const { return uint64_t{key_high} << 32 | key_low; }
  };
  static_assert(sizeof(Entry) == 12);
  static Entry make_entry(uint64_t tag, uint64_t key);

  static uint64_t tag_of(uint64_t hash);
  size_t home(uint64_t tag) const;
  size_t place_of(uint64_t tag) const;
  std::optional<size_t> find_place(uint64_t tag) const;
  void insert(Entry entry);
  void erase(size_t place);
  void grow();

  /// Between the free ones the tags rise, over the whole table; the last one is free.
  std::vector<Entry> entries_;
  size_t homes_ = 0;  ///< where entries may begin to look; behind them is room for the last ones
  size_t size_ = 0;
  std::unordered_map<uint64_t, uint32_t> copies_;  ///< by tag: beyond the first
};

}  // namespace llmd::kv
