// SPDX-License-Identifier: Apache-2.0
#include "kv/index/block_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/random.h"
#include "kv/index/index_reader.h"

namespace llmd::kv {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// Keys of a prompt of its own.
std::vector<BlockKey> chain(uint64_t prompt, size_t blocks) {
  std::vector<BlockKey> keys;
  BlockKey parent = root_key({});
  for (uint32_t i = 0; i < blocks; ++i) {
    const uint32_t tokens[] = {static_cast<uint32_t>(prompt), i};
    keys.push_back(parent = chain_key(parent, tokens));
  }
  return keys;
}

using Found = std::map<uint32_t, std::vector<uint32_t>>;
/// By endpoint, the blocks by tier.
Found match(IndexReader& reader, std::span<const BlockKey> keys) {
  Found found;
  for (const Match& each : reader.match(keys)) {
    found[each.endpoint].assign(each.blocks.begin(), each.blocks.end());
  }
  return found;
}

struct Fixture : testing::Test {
  BlockIndex index;
  IndexReader reader{index};
  size_t gpu = index.plane_of({}).value();

  void add(std::span<const BlockKey> keys, Lane lane, size_t plane) {
    for (const BlockKey key : keys) index.add(key, lane, plane);
  }
};
using BlockIndexTest = Fixture;
using IndexReaderTest = Fixture;

TEST_F(IndexReaderTest, FindsTheUnbrokenRunOfEach) {
  const auto keys = chain(1, 10);
  EXPECT_THAT(match(reader, keys), IsEmpty());
  const Lane one = index.open(100).value();
  const Lane two = index.open(200).value();
  const Lane three = index.open(300).value();
  add(std::span(keys).first(4), one, gpu);
  add(keys, two, gpu);
  index.remove(short_key(keys[6]), two, gpu);
  add(std::span(keys).subspan(1), three, gpu);
  const Found expected = {{100, {4, 0, 0}}, {200, {6, 0, 0}}};
  EXPECT_EQ(match(reader, keys), expected);
  EXPECT_EQ(index.blocks(), 10U);
}

TEST_F(IndexReaderTest, TiersAddUpAndTheFastestCounts) {
  const auto keys = chain(1, 10);
  const size_t cpu = index.plane_of({.tier = Tier::kCpu}).value();
  const Lane one = index.open(1).value();
  add(std::span(keys).first(3), one, gpu);
  add(std::span(keys).subspan(2, 4), one, cpu);
  add(std::span(keys).subspan(6, 1), one, gpu);
  const Found expected = {{1, {4, 3, 0}}};
  EXPECT_EQ(match(reader, keys), expected);
}

TEST_F(IndexReaderTest, AWindowNeedsOnlyTheLastBlocks) {
  const auto keys = chain(1, 10);
  const size_t window = index.plane_of({.group = 1, .window_blocks = 2}).value();
  const Lane hybrid = index.open(1).value();
  const Lane plain = index.open(2).value();
  add(keys, hybrid, gpu);
  add(keys, plain, gpu);
  const auto length = [&] { return match(reader, keys)[1]; };
  index.add(keys[4], hybrid, window);
  index.add(keys[8], hybrid, window);
  EXPECT_THAT(length(), IsEmpty());  // one block is no window
  index.add(keys[5], hybrid, window);
  EXPECT_THAT(length(), ElementsAre(6, 0, 0));
  index.add(keys[9], hybrid, window);
  EXPECT_THAT(length(), ElementsAre(10, 0, 0));
  EXPECT_THAT(match(reader, keys)[2], ElementsAre(10, 0, 0));
  index.add(keys[0], hybrid, window);
  EXPECT_THAT(match(reader, std::span(keys).first(3))[1], ElementsAre(1, 0, 0));
}

TEST_F(IndexReaderTest, EveryGroupThatAttendsToAllMustHoldIt) {
  const auto keys = chain(1, 4);
  const size_t other = index.plane_of({.group = 1}).value();
  const Lane both = index.open(1).value();
  const Lane single = index.open(2).value();
  add(keys, both, gpu);
  add(keys, single, gpu);
  add(std::span(keys).first(2), both, other);
  EXPECT_THAT(match(reader, keys)[1], ElementsAre(2, 0, 0));
  EXPECT_THAT(match(reader, keys)[2], ElementsAre(4, 0, 0));
}

TEST_F(BlockIndexTest, AClosedLaneIsForgottenAtOnceAndSweptLater) {
  const auto keys = chain(1, 1000);
  const Lane one = index.open(1).value();
  const Lane two = index.open(2).value();
  add(keys, one, gpu);
  add(std::span(keys).first(10), two, gpu);
  index.close(one);
  EXPECT_THAT(match(reader, keys), UnorderedElementsAre(testing::Key(2U)));
  EXPECT_EQ(index.blocks(), 1000U);
  for (int i = 0; i < 100; ++i) index.sweep();
  EXPECT_EQ(index.blocks(), 10U);
  const Lane again = index.open(3).value();
  EXPECT_EQ(again, one) << "a lane that is swept is used again";
  EXPECT_THAT(match(reader, keys), UnorderedElementsAre(testing::Key(2U)));
}

TEST_F(BlockIndexTest, HoldsAnyNumberOfEndpoints) {
  const auto keys = chain(1, 20);
  constexpr uint32_t kEndpoints = 1000;
  for (uint32_t i = 0; i < kEndpoints; ++i) {
    add(std::span(keys).first(1 + i % 20), index.open(i).value(), gpu);
  }
  const auto found = match(reader, keys);
  ASSERT_EQ(found.size(), kEndpoints);
  for (const auto& [endpoint, blocks] : found) EXPECT_EQ(blocks[0], 1 + endpoint % 20);
}

/// A plain map in the place of the index.
struct Model {
  struct Held {
    std::set<std::pair<BlockKey, size_t>> blocks;
    uint32_t endpoint;
  };
  std::map<Lane, Held> lanes;

  Found match(std::span<const BlockKey> keys, size_t gpu, size_t cpu) const {
    Found found;
    for (const auto& [lane, held] : lanes) {
      std::vector<uint32_t> blocks(kTiers);
      for (const BlockKey key : keys) {
        if (held.blocks.contains({key, gpu})) {
          ++blocks[0];
        } else if (held.blocks.contains({key, cpu})) {
          ++blocks[1];
        } else {
          break;
        }
      }
      if (blocks[0] + blocks[1] > 0) found[held.endpoint] = blocks;
    }
    return found;
  }
};

TEST_F(BlockIndexTest, EqualsAPlainMapUnderRandomOperations) {
  const size_t cpu = index.plane_of({.tier = Tier::kCpu}).value();
  std::vector<std::vector<BlockKey>> prompts;
  for (uint64_t i = 0; i < 40; ++i) prompts.push_back(chain(i / 4, 20));
  Random random(3);
  Model model;
  uint32_t endpoint = 0;
  const auto random_lane = [&] {
    auto at = model.lanes.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random.below(model.lanes.size())));
    return at;
  };
  for (int step = 0; step < 200'000; ++step) {
    const uint64_t what = random.below(1000);
    if (model.lanes.empty() || (what == 0 && model.lanes.size() < 100)) {
      model.lanes[index.open(endpoint).value()].endpoint = endpoint;
      ++endpoint;
    } else if (what == 1) {
      const auto lane = random_lane();
      index.close(lane->first);
      model.lanes.erase(lane);
    } else {
      const auto& keys = prompts[random.below(prompts.size())];
      const auto lane = random_lane();
      const size_t plane = random.below(4) == 0 ? cpu : gpu;
      const size_t begin = random.below(keys.size());
      for (size_t i = begin; i < keys.size() && i < begin + 4; ++i) {
        if (what < 600) {
          ASSERT_EQ(index.add(keys[i], lane->first, plane),
                    lane->second.blocks.insert({keys[i], plane}).second);
        } else {
          ASSERT_EQ(index.remove(short_key(keys[i]), lane->first, plane),
                    lane->second.blocks.erase({keys[i], plane}) > 0);
        }
      }
    }
    if (step % 10 == 0) index.sweep();
    if (step % 20 == 0) {
      const auto& keys = prompts[random.below(prompts.size())];
      ASSERT_EQ(match(reader, keys), model.match(keys, gpu, cpu)) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace llmd::kv
