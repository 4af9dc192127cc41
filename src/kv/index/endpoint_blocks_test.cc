// SPDX-License-Identifier: Apache-2.0
#include "kv/index/endpoint_blocks.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "base/virtual_time.h"
#include "kv/index/index_reader.h"

namespace llmd::kv {
namespace {

constexpr uint32_t kEndpoint = 5;

std::vector<uint32_t> tokens_of(uint32_t seed, size_t count) {
  std::vector<uint32_t> tokens(count);
  Random random(seed);
  for (uint32_t& token : tokens) token = static_cast<uint32_t>(random.below(100'000));
  return tokens;
}

struct EndpointBlocksTest : testing::Test {
  VirtualTime time;
  BlockIndex index;
  IndexReader reader{index};
  EndpointBlocks blocks{index, time, kEndpoint};

  std::array<uint32_t, kTiers> match(std::span<const uint32_t> tokens, const KeyScope& scope = {},
                                     uint64_t extra = 0) {
    std::vector<BlockKey> keys;
    BlockKey parent = root_key(scope);
    for (; tokens.size() >= kBlockTokens; tokens = tokens.subspan(kBlockTokens), extra = 0) {
      keys.push_back(parent = chain_key(parent, tokens.first(kBlockTokens), extra));
    }
    for (const Match& each : reader.match(keys)) {
      EXPECT_EQ(each.endpoint, kEndpoint);
      return each.blocks;
    }
    return {};
  }
  uint32_t length(std::span<const uint32_t> tokens, const KeyScope& scope = {}) {
    return match(tokens, scope)[0];
  }
  void store(std::vector<EngineHash> hashes, std::optional<EngineHash> parent,
             std::span<const uint32_t> tokens, uint32_t block_size = 16) {
    blocks.on_stored(
        {.hashes = hashes, .parent = parent, .tokens = tokens, .block_size = block_size});
  }
  void remove(std::vector<EngineHash> hashes) { blocks.on_removed({.hashes = hashes}); }
};

TEST_F(EndpointBlocksTest, FollowsAChainWhateverItsHashes) {
  const auto tokens = tokens_of(1, 64);
  store({10, 11}, std::nullopt, std::span(tokens).first(32));
  store({99}, 11, std::span(tokens).subspan(32, 16));
  EXPECT_EQ(length(tokens), 3U);
  EXPECT_EQ(length(std::span(tokens).first(20)), 1U);
  remove({11});
  EXPECT_EQ(length(tokens), 1U);
  EXPECT_EQ(blocks.figures().entries, 2U);
}

TEST_F(EndpointBlocksTest, LargerBlocksOfTheEngineAreSeveralOfOurs) {
  const auto tokens = tokens_of(1, 192);
  store({10, 11}, std::nullopt, std::span(tokens).first(128), 64);
  store({12}, 11, std::span(tokens).subspan(128), 64);
  EXPECT_EQ(length(tokens), 12U);
  EXPECT_EQ(length(std::span(tokens).first(100)), 6U);
  remove({12});
  EXPECT_EQ(length(tokens), 8U);
}

TEST_F(EndpointBlocksTest, CopiesAreCounted) {
  const auto tokens = tokens_of(1, 16);
  store({10}, std::nullopt, tokens);
  store({10}, std::nullopt, tokens);
  remove({10});
  EXPECT_EQ(length(tokens), 1U);
  remove({10});
  EXPECT_EQ(length(tokens), 0U);
  remove({10});
  EXPECT_EQ(index.blocks(), 0U);
}

TEST_F(EndpointBlocksTest, AdapterAndSaltSetPromptsApart) {
  const auto tokens = tokens_of(1, 32);
  const std::vector<EngineHash> hashes{1, 2};
  blocks.on_stored({.hashes = hashes, .tokens = tokens, .block_size = 16, .lora_name = "adapter"});
  EXPECT_EQ(length(tokens), 0U);
  EXPECT_EQ(length(tokens, {.adapter = "adapter"}), 2U);
  const std::vector<EngineHash> salted{3, 4};
  const std::vector<uint64_t> extra{add_extra(0, "salt"), 0};
  blocks.on_stored({.hashes = salted, .tokens = tokens, .block_size = 16, .extra = extra});
  EXPECT_EQ(length(tokens), 0U);
  EXPECT_EQ(match(tokens, {}, extra[0])[0], 2U);
}

TEST_F(EndpointBlocksTest, AnOffloadedBlockIsNamedByItsHashAlone) {
  const auto tokens = tokens_of(1, 64);
  store({10, 11}, std::nullopt, tokens, 32);
  const std::vector<EngineHash> hashes{10, 11};
  blocks.on_stored({.hashes = hashes, .medium = "CPU"});
  remove({11});
  const std::array<uint32_t, kTiers> expected{2, 2, 0};
  EXPECT_EQ(match(tokens), expected);
  blocks.on_removed({.hashes = hashes, .medium = "CPU"});
  EXPECT_EQ(length(tokens), 2U);
  const std::vector<EngineHash> unknown{77};
  blocks.on_stored({.hashes = unknown, .medium = "CPU"});
  EXPECT_EQ(blocks.figures().orphans, 1U);
}

TEST_F(EndpointBlocksTest, ChildrenWaitForTheirParent) {
  const auto tokens = tokens_of(1, 80);
  store({14}, 13, std::span(tokens).subspan(64));
  store({12, 13}, 11, std::span(tokens).subspan(32, 32));
  EXPECT_EQ(blocks.figures().parked, 2U);
  store({10, 11}, std::nullopt, std::span(tokens).first(32));
  EXPECT_EQ(length(tokens), 5U);
  EXPECT_EQ(blocks.figures().parked, 0U);
  EXPECT_FALSE(blocks.is_partial());
}

TEST_F(EndpointBlocksTest, WhatIsRemovedWhileItWaitsDoesNotComeBack) {
  const auto tokens = tokens_of(1, 64);
  store({12, 13}, 11, std::span(tokens).subspan(32));
  remove({13});
  store({10, 11}, std::nullopt, std::span(tokens).first(32));
  EXPECT_EQ(length(tokens), 3U);
}

TEST_F(EndpointBlocksTest, OrphansAreGivenUpAfterAWhile) {
  const auto tokens = tokens_of(1, 64);
  store({12}, 11, std::span(tokens).subspan(32, 16));
  time.run_until(time.now() + std::chrono::seconds(31));
  store({20}, std::nullopt, std::span(tokens).subspan(48));
  EXPECT_EQ(blocks.figures().parked, 0U);
  EXPECT_EQ(blocks.figures().orphans, 1U);
  EXPECT_TRUE(blocks.is_partial());
  blocks.on_cleared({});
  EXPECT_FALSE(blocks.is_partial());
  EXPECT_EQ(length(std::span(tokens).subspan(48)), 0U);
}

TEST_F(EndpointBlocksTest, ParkedEventsAreBounded) {
  const auto tokens = tokens_of(1, 16);
  for (EngineHash hash = 0; hash < 5000; ++hash) store({hash * 2}, hash * 2 + 1, tokens);
  EXPECT_EQ(blocks.figures().parked, EndpointLimits{}.parked_max);
  EXPECT_EQ(blocks.figures().orphans, 5000 - EndpointLimits{}.parked_max);
}

TEST_F(EndpointBlocksTest, BeyondItsShareItStoresNoMore) {
  EndpointBlocks small(index, time, 9, {.entries_max = 2});
  const auto tokens = tokens_of(1, 64);
  const std::vector<EngineHash> hashes{1, 2, 3, 4};
  small.on_stored({.hashes = hashes, .tokens = tokens, .block_size = 16});
  EXPECT_EQ(small.figures().refused, 2U);
  EXPECT_TRUE(small.is_partial());
  EXPECT_EQ(small.figures().entries, 2U);
}

TEST_F(EndpointBlocksTest, AHashGivenToAnotherBlockNamesTheNewOne) {
  const auto first = tokens_of(1, 16);
  const auto second = tokens_of(2, 16);
  store({1}, std::nullopt, first);
  store({1}, std::nullopt, second);
  EXPECT_EQ(length(first), 0U);
  EXPECT_EQ(length(second), 1U);
}

/// An engine's cache: prompts share prefixes, leaves are evicted, and what happens is told.
class ModelEngine {
 public:
  ModelEngine(EndpointBlocks& blocks, uint64_t seed, uint32_t block_size)
      : blocks_(blocks), random_(seed), block_size_(block_size) {
    for (uint32_t i = 0; i < kPrompts; ++i) {
      auto tokens = i % 4 == 0 ? std::vector<uint32_t>() : prompts_[i / 4 * 4];
      tokens.resize(tokens.size() / 2 / block_size * block_size);
      const auto own = tokens_of(i + 1, 12 * size_t{block_size});
      tokens.insert(tokens.end(), own.begin(), own.end());
      prompts_.push_back(std::move(tokens));
    }
  }

  void step() {
    const uint64_t what = random_.below(1000);
    if (what == 0) {
      cached_.clear();
      blocks_.on_cleared({});
    } else if (what < 600) {
      compute(prompts_[random_.below(kPrompts)]);
    } else {
      evict();
    }
  }

  const std::vector<uint32_t>& prompt(size_t i) const { return prompts_[i]; }
  /// Blocks of 16 tokens.
  uint32_t length(const std::vector<uint32_t>& prompt) const {
    uint32_t blocks = 0;
    EngineHash hash = 0;
    for (size_t at = 0; at < prompt.size(); at += block_size_, ++blocks) {
      hash = hash_of(hash, std::span(prompt).subspan(at, block_size_));
      if (!cached_.contains(hash)) break;
    }
    return blocks * block_size_ / 16;
  }
  static constexpr uint32_t kPrompts = 40;

 private:
  struct Block {
    EngineHash parent;
    uint32_t children = 0;
    uint32_t copies = 1;
  };

  static EngineHash hash_of(EngineHash parent, std::span<const uint32_t> tokens) {
    EngineHash hash = parent;
    for (const uint32_t token : tokens) hash = mix64(hash ^ token);
    return hash;
  }

  /// Of some length. Now and then a copy of a block that is there is made and told again.
  void compute(const std::vector<uint32_t>& prompt) {
    const size_t end = (1 + random_.below(prompt.size() / block_size_)) * block_size_;
    EngineHash parent = 0;
    std::vector<EngineHash> hashes;
    size_t begin = 0;
    const auto tell = [&](size_t at) {
      if (hashes.empty()) return;
      const auto& first = cached_.at(hashes.front());
      blocks_.on_stored({.hashes = hashes,
                         .parent = first.parent == 0 ? std::nullopt : std::optional(first.parent),
                         .tokens = std::span(prompt).subspan(begin, at - begin),
                         .block_size = block_size_});
      hashes.clear();
    };
    for (size_t at = 0; at < end; at += block_size_) {
      const EngineHash hash = hash_of(parent, std::span(prompt).subspan(at, block_size_));
      const auto known = cached_.find(hash);
      if (known == cached_.end()) {
        cached_[hash] = {.parent = parent};
        if (parent != 0) ++cached_[parent].children;
      } else if (random_.below(20) == 0) {
        ++known->second.copies;
      } else {
        tell(at);
        begin = at + block_size_;
        parent = hash;
        continue;
      }
      if (hashes.empty()) begin = at;
      hashes.push_back(hash);
      parent = hash;
    }
    tell(end);
  }

  void evict() {
    if (cached_.empty()) return;
    auto block = cached_.lower_bound(random_.next());
    if (block == cached_.end()) block = cached_.begin();
    if (block->second.children > 0) return;
    const std::vector<EngineHash> hashes{block->first};
    blocks_.on_removed({.hashes = hashes});
    if (--block->second.copies > 0) return;
    if (block->second.parent != 0) --cached_[block->second.parent].children;
    cached_.erase(block);
  }

  EndpointBlocks& blocks_;
  Random random_;
  const uint32_t block_size_;
  std::vector<std::vector<uint32_t>> prompts_;
  std::map<EngineHash, Block> cached_;
};

class Truth : public EndpointBlocksTest, public testing::WithParamInterface<uint32_t> {};

TEST_P(Truth, TheIndexEqualsTheEnginesCache) {
  ModelEngine engine(blocks, 11, GetParam());
  for (int step = 0; step < 100'000; ++step) {
    engine.step();
    index.sweep();
    const auto& prompt = engine.prompt(static_cast<size_t>(step) % ModelEngine::kPrompts);
    ASSERT_EQ(length(prompt), engine.length(prompt)) << "step " << step;
  }
}
INSTANTIATE_TEST_SUITE_P(BlockSizes, Truth, testing::Values(16, 32, 128));

}  // namespace
}  // namespace llmd::kv
