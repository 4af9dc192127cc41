// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <vector>

#include "engine/cache/block_hash.h"

namespace llmd::engine {
namespace {

void hash_16_tokens(benchmark::State& state) {
  const BlockHash root = root_hash("0");
  std::vector<TokenId> tokens;
  for (TokenId i = 0; i < 16; ++i) tokens.push_back(0x20206F6EU + i);
  for (auto _ : state) benchmark::DoNotOptimize(hash_block(root, tokens));
}
BENCHMARK(hash_16_tokens);

}  // namespace
}  // namespace llmd::engine
