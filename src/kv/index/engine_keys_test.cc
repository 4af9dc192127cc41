// SPDX-License-Identifier: Apache-2.0
#include "kv/index/engine_keys.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace llmd::kv {
namespace {

TEST(EngineKeys, CountsCopies) {
  EngineKeys keys;
  EXPECT_FALSE(keys.find(7));
  EXPECT_FALSE(keys.remove(7));
  EXPECT_TRUE(keys.add(7, 70));
  EXPECT_TRUE(keys.add(7, 70));
  EXPECT_FALSE(keys.add(7, 71));
  EXPECT_FALSE(keys.remove(7));
  EXPECT_EQ(keys.find(7), 70U);
  EXPECT_EQ(keys.remove(7), 70U);
  EXPECT_FALSE(keys.find(7));
}

TEST(EngineKeys, IsAMapUnderRandomOperations) {
  Random random(1);
  EngineKeys keys;
  std::map<uint64_t, std::pair<uint64_t, int>> model;
  constexpr uint64_t kHashes = 3000;
  for (int i = 0; i < 300'000; ++i) {
    const uint64_t hash = mix64(random.below(kHashes));
    const auto found = model.find(hash);
    ASSERT_EQ(keys.find(hash).has_value(), found != model.end());
    if (random.below(100) < (i / 50'000 % 2 == 0 ? 60U : 40U)) {
      ASSERT_TRUE(keys.add(hash, hash >> 16));
      auto& entry = model[hash];
      entry = {hash >> 16, entry.second + 1};
    } else if (found == model.end()) {
      ASSERT_FALSE(keys.remove(hash));
    } else if (--found->second.second > 0) {
      ASSERT_FALSE(keys.remove(hash));
    } else {
      ASSERT_EQ(keys.remove(hash), hash >> 16);
      model.erase(found);
    }
    ASSERT_EQ(keys.size(), model.size());
  }
}

}  // namespace
}  // namespace llmd::kv
