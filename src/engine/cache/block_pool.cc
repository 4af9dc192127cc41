// SPDX-License-Identifier: Apache-2.0
#include "engine/cache/block_pool.h"

#include <utility>

#include "base/check.h"

namespace llmd::engine {

BlockPool::BlockPool(uint32_t blocks) : blocks_(blocks), first_(blocks), last_(blocks) {
  by_hash_.reserve(blocks);
  for (BlockId block = 0; block < blocks; ++block) link_before(block, end());
}

bool BlockPool::allocate(size_t count, std::vector<BlockId>& out) {
  if (count > free_count_) return false;
  for (size_t i = 0; i < count; ++i) {
    const BlockId block = first_;
    unlink(block);
    evict(block);
    blocks_[block].references = 1;
    ++blocks_[block].generation;
    out.push_back(block);
  }
  return true;
}

void BlockPool::acquire(BlockId block) {
  if (blocks_[block].references++ == 0) unlink(block);
}

void BlockPool::release(BlockId block) {
  LLMD_CHECK(blocks_[block].references > 0);
  if (--blocks_[block].references > 0) return;
  // A nameless block holds nothing that could be found again: it is the first to go.
  link_before(block, blocks_[block].named ? end() : first_);
}

std::optional<BlockId> BlockPool::find(const BlockHash& hash) const {
  const auto found = by_hash_.find(hash);
  if (found == by_hash_.end()) return std::nullopt;
  return found->second;
}

void BlockPool::store(const StoredBlock& stored) {
  Block& block = blocks_[stored.block];
  LLMD_CHECK(block.references > 0 && !block.named);
  if (!by_hash_.try_emplace(stored.hash, stored.block).second) return;
  block.named = true;
  block.hash = stored.hash;
  for (BlockObserver* observer : observers_) observer->on_stored(stored);
}

void BlockPool::clear() {
  for (const auto& [hash, block] : by_hash_) blocks_[block].named = false;
  by_hash_.clear();
  for (BlockObserver* observer : observers_) observer->on_cleared();
}

void BlockPool::evict(BlockId id) {
  Block& block = blocks_[id];
  if (!block.named) return;
  block.named = false;
  by_hash_.erase(block.hash);
  for (BlockObserver* observer : observers_) {
    observer->on_removed(id, block.generation, block.hash);
  }
}

void BlockPool::link_before(BlockId block, BlockId next) {
  const BlockId previous = next == end() ? last_ : blocks_[next].previous;
  blocks_[block].previous = previous;
  blocks_[block].next = next;
  (previous == end() ? first_ : blocks_[previous].next) = block;
  (next == end() ? last_ : blocks_[next].previous) = block;
  ++free_count_;
}

void BlockPool::unlink(BlockId block) {
  const auto [previous, next] = std::pair(blocks_[block].previous, blocks_[block].next);
  (previous == end() ? first_ : blocks_[previous].next) = next;
  (next == end() ? last_ : blocks_[next].previous) = previous;
  --free_count_;
}

}  // namespace llmd::engine
