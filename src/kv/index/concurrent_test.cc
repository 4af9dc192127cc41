// SPDX-License-Identifier: Apache-2.0
// Readers look up while the writer adds, removes, grows, widens and sweeps: what they find was true
// at some time during the lookup. Of use above all under the thread sanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "kv/index/block_index.h"
#include "kv/index/index_reader.h"

namespace llmd::kv {
namespace {

constexpr size_t kBlocks = 400;
constexpr uint32_t kSteady = 7;  ///< an endpoint that always holds the first half

std::vector<BlockKey> random_keys(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<BlockKey> keys(count);
  for (BlockKey& key : keys) key = random.next() | 2;
  return keys;
}

/// Endpoints come and go, other than kSteady; the numbers of each are used once.
void churn(BlockIndex& index, std::span<const BlockKey> prompt, uint64_t rounds) {
  Random random(9);
  const size_t plane = index.plane_of({}).value();
  std::vector<Lane> lanes;
  for (uint32_t round = 0; round < rounds; ++round) {
    if (lanes.size() < 90) {
      lanes.push_back(index.open(1000 + round).value());
    } else {
      const size_t at = random.below(lanes.size());
      index.close(lanes[at]);
      lanes.erase(lanes.begin() + static_cast<std::ptrdiff_t>(at));
    }
    const Lane lane = lanes[random.below(lanes.size())];
    const size_t begin = random.below(kBlocks);
    for (const BlockKey key : prompt.subspan(begin, std::min<size_t>(50, kBlocks - begin))) {
      if (random.below(2) == 0) index.add(key, lane, plane);
      if (random.below(4) == 0) index.remove(short_key(key), lane, plane);
    }
    for (const BlockKey key : random_keys(20, round)) index.add(key, lane, plane);
    if (round == rounds / 2) index.plane_of({.tier = Tier::kCpu});
    index.sweep();
  }
}

TEST(ConcurrentIndex, ReadersSeeWhatIsSteady) {
  BlockIndex index;
  const auto prompt = random_keys(kBlocks, 1);
  const Lane steady = index.open(kSteady).value();
  const size_t plane = index.plane_of({}).value();
  for (const BlockKey key : std::span(prompt).first(kBlocks / 2)) index.add(key, steady, plane);
  std::atomic<bool> done = false;
  std::atomic<uint64_t> wrong = 0;
  std::atomic<uint64_t> lookups = 0;
  const auto read = [&] {
    IndexReader reader(index);
    while (!done || lookups == 0) {
      bool found = false;
      for (const Match& match : reader.match(prompt)) {
        if (match.endpoint == kSteady && match.length() == kBlocks / 2) found = true;
        if (match.length() > kBlocks) ++wrong;
      }
      if (!found) ++wrong;
      ++lookups;
    }
  };
  std::thread one(read);
  std::thread two(read);
  churn(index, prompt, 3000);
  done = true;
  one.join();
  two.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(lookups, 0U);
}

}  // namespace
}  // namespace llmd::kv
