// SPDX-License-Identifier: Apache-2.0
#include "engine/cache/block_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>

#include "base/random.h"

namespace llmd::engine {
namespace {

BlockHash name(uint8_t n) {
  BlockHash hash{};
  hash[0] = n;
  return hash;
}

StoredBlock stored(BlockId block, uint8_t n) {
  StoredBlock result;
  result.block = block;
  result.hash = name(n);
  return result;
}

TEST(BlockPool, EvictsTheLongestFreeAndKeepsTheRestFindable) {
  BlockPool pool(3);
  std::vector<BlockId> ids;
  ASSERT_TRUE(pool.allocate(3, ids));
  for (uint8_t i = 0; i < 3; ++i) pool.store(stored(ids[i], i));
  for (const int i : {2, 1, 0}) pool.release(ids[i]);
  EXPECT_EQ(pool.free_count(), 3U);

  std::vector<BlockId> more;
  ASSERT_TRUE(pool.allocate(1, more));
  EXPECT_EQ(more[0], ids[2]);
  EXPECT_FALSE(pool.find(name(2)).has_value());
  EXPECT_EQ(pool.find(name(1)), ids[1]);

  pool.acquire(ids[1]);  // a hit: out of the free list
  ASSERT_TRUE(pool.allocate(1, more));
  EXPECT_EQ(more[1], ids[0]);
  EXPECT_FALSE(pool.allocate(1, more));
  EXPECT_EQ(more.size(), 2U);
}

TEST(BlockPool, NamelessBlocksGoFirst) {
  BlockPool pool(2);
  std::vector<BlockId> ids;
  ASSERT_TRUE(pool.allocate(2, ids));
  pool.store(stored(ids[0], 1));
  pool.release(ids[0]);
  pool.release(ids[1]);
  std::vector<BlockId> again;
  ASSERT_TRUE(pool.allocate(1, again));
  EXPECT_EQ(again[0], ids[1]);
  EXPECT_TRUE(pool.find(name(1)).has_value());
}

TEST(BlockPool, GenerationsNameContents) {
  BlockPool pool(1);
  std::vector<BlockId> ids;
  ASSERT_TRUE(pool.allocate(1, ids));
  const uint32_t first = pool.generation(0);
  pool.store(stored(0, 1));
  pool.release(0);
  pool.acquire(0);  // found again: the same content
  EXPECT_EQ(pool.generation(0), first);
  pool.release(0);
  ASSERT_TRUE(pool.allocate(1, ids));
  EXPECT_NE(pool.generation(0), first);
}

struct Recorder : BlockObserver {
  void on_stored(const StoredBlock& block) override { held[block.hash] = block.block; }
  void on_removed(BlockId block, uint32_t, const BlockHash& hash) override {
    ASSERT_EQ(held.at(hash), block);
    held.erase(hash);
  }
  void on_cleared() override { held.clear(); }
  std::map<BlockHash, BlockId> held;
};

/// What the pool must do, written without regard to cost.
struct Reference {
  explicit Reference(uint32_t blocks) : references(blocks), names(blocks) {
    for (BlockId block = 0; block < blocks; ++block) free.push_back(block);
  }
  std::vector<int> references;
  std::vector<std::optional<BlockHash>> names;
  std::deque<BlockId> free;

  BlockId take() {
    const BlockId block = free.front();
    free.pop_front();
    names[block].reset();
    references[block] = 1;
    return block;
  }
  void acquire(BlockId block) {
    if (references[block]++ == 0) free.erase(std::find(free.begin(), free.end(), block));
  }
  void release(BlockId block) {
    if (--references[block] > 0) return;
    names[block] ? free.push_back(block) : free.push_front(block);
  }
  std::optional<BlockId> find(const BlockHash& hash) const {
    const auto found = std::find(names.begin(), names.end(), hash);
    if (found == names.end()) return std::nullopt;
    return static_cast<BlockId>(found - names.begin());
  }
};

/// One random step on both; `held` is every reference that somebody has.
void random_step(Random& random, BlockPool& pool, Reference& reference,
                 std::vector<BlockId>& held) {
  const BlockHash hash = name(static_cast<uint8_t>(random.below(20)));
  switch (random.below(5)) {
    case 0: {
      const size_t count = random.below(4);
      const bool fits = count <= reference.free.size();
      const size_t before = held.size();
      ASSERT_EQ(pool.allocate(count, held), fits);
      for (size_t i = before; i < held.size(); ++i) ASSERT_EQ(held[i], reference.take());
      return;
    }
    case 1:
    case 2: {
      if (held.empty()) return;
      std::swap(held[random.below(held.size())], held.back());
      pool.release(held.back());
      reference.release(held.back());
      held.pop_back();
      return;
    }
    case 3: {
      if (held.empty()) return;
      const BlockId block = held[random.below(held.size())];
      if (reference.names[block]) return;
      pool.store(StoredBlock{block, 0, hash, {}, {}, {}, {}});
      if (!reference.find(hash)) reference.names[block] = hash;
      return;
    }
    default: {
      const auto found = pool.find(hash);
      ASSERT_EQ(found, reference.find(hash));
      if (!found) return;
      pool.acquire(*found);
      reference.acquire(*found);
      held.push_back(*found);
    }
  }
}

TEST(BlockPool, EqualsTheReferenceOverRandomSteps) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    BlockPool pool(12);
    Recorder recorder;
    pool.add_observer(recorder);
    Reference reference(12);
    std::vector<BlockId> held;
    for (int step = 0; step < 2000; ++step) {
      random_step(random, pool, reference, held);
      if (HasFatalFailure()) return;
      ASSERT_EQ(pool.free_count(), reference.free.size());
      ASSERT_EQ(pool.cached_count(), recorder.held.size());
    }
    for (const BlockId block : held) pool.release(block);
    EXPECT_EQ(pool.free_count(), pool.size());
    pool.clear();
    EXPECT_TRUE(recorder.held.empty());
    EXPECT_EQ(pool.cached_count(), 0U);
  }
}

}  // namespace
}  // namespace llmd::engine
