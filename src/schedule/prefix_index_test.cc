// SPDX-License-Identifier: Apache-2.0
#include "schedule/prefix_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/random.h"
#include "schedule/prefix_hash.h"

namespace llmd::schedule {
namespace {

Prefix hashed(std::string_view content, const PrefixRoot& root = {}) {
  Prefix prefix;
  hash_prefix(root, content, blocks_of(kPrefixTokensMax), prefix);
  return prefix;
}

uint32_t matched(const PrefixIndex& index, const Prefix& prefix, uint32_t slot) {
  std::vector<uint32_t> units;
  index.match(prefix.hashes, units);
  return slot < units.size() ? units[slot] : 0;
}

/// Text of which no two blocks are equal.
std::string text(size_t bytes, uint64_t seed) {
  std::string out;
  for (Random random(seed); out.size() < bytes;) out += std::to_string(random.next());
  out.resize(bytes);
  return out;
}

TEST(PrefixHash, FullBlocksOnlyFineOnesFirst) {
  EXPECT_TRUE(hashed(text(kUnitBytes - 1, 1)).hashes.empty());
  EXPECT_EQ(hashed(text(kUnitBytes - 1, 1)).units, 1U);
  const Prefix prefix = hashed(text(kUnitBytes * (kFineBlocks + 2 * kCoarseUnits) + 1, 1));
  EXPECT_EQ(prefix.hashes.size(), kFineBlocks + 2);
  EXPECT_EQ(prefix.units, kFineBlocks + 2 * kCoarseUnits + 1);
  uint32_t units = 0;
  for (const uint64_t hash : prefix.hashes) units += block_units(hash);
  EXPECT_EQ(units, kFineBlocks + 2 * kCoarseUnits);
}

TEST(PrefixHash, EqualPrefixesShareTheirHashesAndNoMore) {
  const std::string base = text(4000, 1);
  const Prefix a = hashed(base + text(1000, 2));
  const Prefix b = hashed(base + text(1000, 3));
  size_t shared = 0;
  while (a.hashes[shared] == b.hashes[shared]) ++shared;
  EXPECT_EQ(shared, kFineBlocks + (4000 - 1024) / 256);
  for (size_t i = shared; i < a.hashes.size(); ++i) EXPECT_NE(a.hashes[i], b.hashes[i]);
}

TEST(PrefixHash, ModelSaltAndToolsSeparate) {
  const std::string content = text(64, 1);
  const std::set<uint64_t> firsts = {
      hashed(content).hashes[0], hashed(content, {.model = "m"}).hashes[0],
      hashed(content, {.salt = "m"}).hashes[0], hashed(content, {.tools = "m"}).hashes[0]};
  EXPECT_EQ(firsts.size(), 4U);
}

TEST(PrefixHash, PromptsOfABatchAreHashedSingly) {
  const std::string a = '"' + text(500, 1) + '"';
  const std::string b = '"' + text(300, 2) + R"( \\\" ", [)" + '"';
  const Prefix batch = hashed("[" + a + ",\n " + b + R"(, "short"])");
  ASSERT_EQ(batch.prompts(), 2U);
  EXPECT_TRUE(std::ranges::equal(batch.prompt(0), hashed(a).hashes));
  EXPECT_TRUE(std::ranges::equal(batch.prompt(1), hashed(b).hashes));
  EXPECT_EQ(batch.units, hashed(a).units + hashed(b).units + 1);
  EXPECT_EQ(hashed("[" + a + "]").hashes, hashed(a).hashes);
}

TEST(PrefixHash, SoAreListsOfIds) {
  std::string ids;
  for (int i = 0; i < 40; ++i) ids += std::to_string(i) + ", ";
  const std::string a = "[" + ids + "1]";
  const std::string b = "[" + ids + "2]";
  const Prefix batch = hashed("[" + a + ", " + b + "]");
  ASSERT_EQ(batch.prompts(), 2U);
  EXPECT_TRUE(std::ranges::equal(batch.prompt(1), hashed(b).hashes));
  EXPECT_EQ(batch.prompt(1).size(), 2U);
}

TEST(PrefixHash, WhatIsNoListOfPromptsIsOne) {
  const std::string begin = R"([{"role":"user","content":")" + text(200, 1);
  EXPECT_EQ(hashed(begin + R"("}])").prompts(), 1U);
  for (const char* broken : {R"(["a)", R"([[1, 2)", R"(["a" "b" x])", R"([[1]]])", "[", "[]"}) {
    EXPECT_LE(hashed(broken).prompts(), 1U) << broken;
  }
}

TEST(PrefixHash, HashesNoMoreThanItsLimit) {
  EXPECT_EQ(hashed(text(8 << 20, 1)).hashes.size(), blocks_of(kPrefixTokensMax));
}

TEST(PrefixIndex, CreditsTheUnbrokenRunOnly) {
  PrefixIndex index;
  const Prefix prefix = hashed(text(640, 1));
  ASSERT_EQ(prefix.hashes.size(), 10U);
  const std::span<const uint64_t> all(prefix.hashes);
  index.record(3, all.first(4));
  index.record(5, all);
  index.record(7, all.subspan(2));  // holds later blocks, but not the first
  EXPECT_EQ(matched(index, prefix, 3), 4U);
  EXPECT_EQ(matched(index, prefix, 5), 10U);
  EXPECT_EQ(matched(index, prefix, 7), 0U);
  EXPECT_EQ(matched(index, prefix, 0), 0U);
}

TEST(PrefixIndex, ForgetsTheTailBeforeTheHead) {
  PrefixIndex index;
  const Prefix prefix = hashed(text(640, 1));
  index.set_capacity(0, 6);
  index.record(0, prefix.hashes);
  EXPECT_EQ(index.units(0), 6U);
  EXPECT_EQ(matched(index, prefix, 0), 6U);
}

TEST(PrefixIndex, ForgetsWhatWasNotUsedAgainFirst) {
  PrefixIndex index;
  index.set_capacity(0, 8);
  const Prefix old = hashed(text(256, 1));
  const Prefix kept = hashed(text(256, 2));
  index.record(0, kept.hashes);
  index.record(0, old.hashes);
  index.record(0, kept.hashes);
  index.record(0, hashed(text(256, 3)).hashes);
  EXPECT_EQ(matched(index, kept, 0), 4U);
  EXPECT_EQ(matched(index, old, 0), 0U);
}

TEST(PrefixIndex, CapacityCountsUnitsWhateverTheBlockSize) {
  PrefixIndex index;
  index.set_capacity(0, 100);
  for (uint64_t seed = 0; seed < 20; ++seed) index.record(0, hashed(text(4096, seed)).hashes);
  EXPECT_LE(index.units(0), 100U);
  EXPECT_GT(index.units(0), 100U - kCoarseUnits);
  index.set_capacity(0, 10);
  EXPECT_LE(index.units(0), 10U);
}

TEST(PrefixIndex, ClearForgetsOneEndpointAlone) {
  PrefixIndex index;
  const Prefix prefix = hashed(text(640, 1));
  index.record(0, prefix.hashes);
  index.record(1, prefix.hashes);
  index.clear(0);
  EXPECT_EQ(matched(index, prefix, 0), 0U);
  EXPECT_EQ(matched(index, prefix, 1), 10U);
  EXPECT_EQ(index.units(0), 0U);
  index.clear(1);
  EXPECT_EQ(index.blocks(), 0U);
}

/// Against a plain map, with evictions and clears that leave gaps in the table.
TEST(PrefixIndex, AgreesWithAPlainModelUnderChurn) {
  PrefixIndex index;
  std::map<uint32_t, std::set<uint64_t>> model;
  Random random(7);
  for (int step = 0; step < 3000; ++step) {
    const auto slot = static_cast<uint32_t>(random.below(3));
    const Prefix prefix = hashed(text(64 * (1 + random.below(20)), random.below(200)));
    if (random.below(100) == 0) {
      index.clear(slot);
      model[slot].clear();
    } else {
      index.record(slot, prefix.hashes);
      model[slot].insert(prefix.hashes.begin(), prefix.hashes.end());
    }
    for (uint32_t s = 0; s < 3; ++s) {
      uint32_t expected = 0;
      for (const uint64_t hash : prefix.hashes) {
        if (!model[s].contains(hash)) break;
        expected += block_units(hash);
      }
      ASSERT_EQ(matched(index, prefix, s), expected) << step;
    }
  }
  std::set<uint64_t> distinct;
  for (const auto& [slot, hashes] : model) distinct.insert(hashes.begin(), hashes.end());
  EXPECT_EQ(index.blocks(), distinct.size());
}

TEST(PrefixIndex, EveryBlockFoundAfterEvictionIsStillCounted) {
  PrefixIndex index;
  for (uint32_t slot = 0; slot < 2; ++slot) index.set_capacity(slot, 300);
  Random random(9);
  for (int step = 0; step < 5000; ++step) {
    const Prefix prefix = hashed(text(64 * (1 + random.below(20)), random.below(500)));
    index.record(static_cast<uint32_t>(random.below(2)), prefix.hashes);
    ASSERT_LE(index.units(0) + index.units(1), 600U);
    ASSERT_LE(index.blocks(), 600U);
  }
  index.clear(0);
  index.clear(1);
  EXPECT_EQ(index.blocks(), 0U);
}

}  // namespace
}  // namespace llmd::schedule
