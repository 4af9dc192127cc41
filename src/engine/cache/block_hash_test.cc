// SPDX-License-Identifier: Apache-2.0
#include "engine/cache/block_hash.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace llmd::engine {
namespace {

std::string hex(const BlockHash& hash) {
  std::string out;
  for (const uint8_t byte : hash) out += fmt::format("{:02x}", byte);
  return out;
}

// Computed independently of this code for PYTHONHASHSEED=0.
TEST(BlockHash, EqualsKnownVectors) {
  const BlockHash root = root_hash("0");
  EXPECT_EQ(hex(root), "4e1195df020de59e0d65a33a4279f1183e7ae4e5d980e309f8b55adff2e61c3e");

  std::vector<TokenId> tokens0(16);
  std::iota(tokens0.begin(), tokens0.end(), 0U);
  const BlockHash block0 = hash_block(root, tokens0);
  EXPECT_EQ(hex(block0), "d830de3d42c00f25a2949b5d12d98642664a44872c1614c5b0147556276afc9c");
  EXPECT_EQ(wire_hash(block0), 12687895063098490012ULL);

  std::vector<TokenId> tokens1 = {1000, 128000, 151644};
  for (TokenId token = 0; token <= 12; ++token) tokens1.push_back(token);
  const BlockHash block1 = hash_block(block0, tokens1);
  EXPECT_EQ(hex(block1), "6eeea5e446bb8206a54314574d93657d0fa02de2ed04de570238b7d62dfbfd59");
  EXPECT_EQ(wire_hash(block1), 160079917294026073ULL);
}

TEST(BlockHash, EveryInputCounts) {
  const BlockHash root = root_hash("0");
  const std::vector<TokenId> tokens = {23, 24, 255, 256, 65535, 65536, 4294967295};
  std::vector<TokenId> other = tokens;
  other[3] = 257;
  const BlockHash plain = hash_block(root, tokens);
  EXPECT_NE(plain, hash_block(root, other));
  EXPECT_NE(plain, hash_block(root_hash("1"), tokens));
  const BlockHash salted = hash_block(root, tokens, {.salt = "salt"});
  EXPECT_NE(plain, salted);
  EXPECT_NE(salted, hash_block(root, tokens, {.salt = "tlas"}));
  EXPECT_EQ(salted, hash_block(root, tokens, {.adapter = "salt"}));  // one list, as in vLLM
  EXPECT_NE(salted, hash_block(root, tokens, {.adapter = "sql", .salt = "salt"}));
}

}  // namespace
}  // namespace llmd::engine
