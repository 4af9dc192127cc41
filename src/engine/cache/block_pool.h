// SPDX-License-Identifier: Apache-2.0
// Who uses which block of the KvPool, and which block holds which prefix.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/cache/block_hash.h"

namespace llmd::engine {

/// A block that now holds a prefix. The spans live as long as the call that carries them.
struct StoredBlock {
  BlockId block = 0;
  uint32_t generation = 0;
  BlockHash hash;
  BlockHash parent;
  std::span<const TokenId> tokens;
  std::string_view adapter;  ///< the LoRA adapter's name; empty: none
  std::string_view salt;     ///< of a sequence's first block, else empty
  bool first = false;        ///< of its sequence: its parent is the root
};

/// Hears of every change to what is cached: events, tiers, transfer. Called on the owner's thread
/// in the middle of the change, so it must not call back into the pool.
class BlockObserver {
 public:
  virtual ~BlockObserver() = default;
  virtual void on_stored(const StoredBlock& stored) = 0;
  virtual void on_removed(BlockId block, uint32_t generation, const BlockHash& hash) = 0;
  virtual void on_cleared() = 0;
};

/// A block is in use (referenced), or free. A free block that is named by a hash is still found by
/// it until it is handed out again: the one that was freed longest ago goes first. One thread.
class BlockPool {
 public:
  explicit BlockPool(uint32_t blocks);

  uint32_t size() const { return static_cast<uint32_t>(blocks_.size()); }
  uint32_t free_count() const { return free_count_; }
  uint32_t used_count() const { return size() - free_count_; }
  uint32_t cached_count() const { return static_cast<uint32_t>(by_hash_.size()); }

  /// Appends `count` blocks with one reference each to `out`; false, changing nothing, when fewer
  /// are free. Takes blocks without a name first, then evicts the oldest.
  bool allocate(size_t count, std::vector<BlockId>& out);
  /// One more reference: for another sequence of the same prefix, or to pin. Any state.
  void acquire(BlockId block);
  /// One reference less each. Give a sequence's blocks last first, so that the tail of a chain is
  /// evicted before its head.
  void release(BlockId block);

  std::optional<BlockId> find(const BlockHash& hash) const;
  /// Names a referenced block after what it now holds. Where another block has that name already,
  /// nothing happens: the copy stays nameless.
  void store(const StoredBlock& stored);
  /// Forgets every name, also of blocks in use.
  void clear();

  uint32_t references(BlockId block) const { return blocks_[block].references; }
  /// Grows each time the block is handed out: (block, generation) names one content for ever.
  uint32_t generation(BlockId block) const { return blocks_[block].generation; }

  /// Observers outlive the pool or remove themselves.
  void add_observer(BlockObserver& observer) { observers_.push_back(&observer); }
  void remove_observer(BlockObserver& observer) { std::erase(observers_, &observer); }

 private:
  struct Block {
    uint32_t references = 0;
    uint32_t generation = 0;
    BlockId previous = 0;  ///< neighbours in the free list
    BlockId next = 0;
    bool named = false;
    BlockHash hash{};
  };

  void link_before(BlockId block, BlockId next);
  void unlink(BlockId block);
  void evict(BlockId block);
  BlockId end() const { return size(); }

  std::vector<Block> blocks_;
  /// Ends of the free list, a ring through this element: next is the first to be handed out.
  BlockId first_ = 0;
  BlockId last_ = 0;
  uint32_t free_count_ = 0;
  std::unordered_map<BlockHash, BlockId, BlockHashHasher> by_hash_;
  std::vector<BlockObserver*> observers_;
};

}  // namespace llmd::engine
