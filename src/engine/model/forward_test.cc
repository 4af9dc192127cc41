// SPDX-License-Identifier: Apache-2.0
// The same tokens give the same logits, bit for bit, whatever is computed beside them.
#include "engine/model/forward.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <future>
#include <numeric>

#include "base/text.h"
#include "engine/model/cpu_executor.h"
#include "engine/model/loader.h"
#include "engine/model/test_model.h"

namespace llmd::engine {
namespace {

constexpr uint32_t kTokens = 256;
constexpr uint32_t kTokensMax = 600;
constexpr uint32_t kBlocks = 128;

/// Everything a forward pass needs, with its own pool.
struct Bench {
  Bench(const TemporaryDirectory& directory, uint32_t threads, KvDtype dtype, uint32_t block_size)
      : config(
            parse_config(*read_file(directory.path() + "/config.json", kConfigBytesMax)).value()),
        store(WeightStore::open(directory.path()).value()),
        weights(find_weights(store, config).value()),
        pool(KvPool::create({.blocks = kBlocks,
                             .layers = config.layers,
                             .kv_heads = config.kv_heads,
                             .block_size = block_size,
                             .head_dim = config.head_dim,
                             .dtype = dtype})
                 .value()),
        forward(config, weights, pool, threads, kTokensMax) {
    // What no token has written must not matter.
    std::memset(pool.data(), 0xff, pool.layout().total_bytes());
  }
  ModelConfig config;
  WeightStore store;
  DecoderWeights weights;
  KvPool pool;
  Forward forward;
};

std::vector<TokenId> some_tokens(uint64_t seed, uint32_t count) {
  Random random(seed);
  std::vector<TokenId> out(count);
  for (TokenId& token : out) token = static_cast<TokenId>(random.below(96));
  return out;
}

std::vector<BlockId> blocks(uint32_t first, int step) {
  std::vector<BlockId> out;
  for (uint32_t i = 0; i < kBlocks / 2; ++i) {
    out.push_back(static_cast<BlockId>((static_cast<int>(first) + step * static_cast<int>(i)) &
                                       static_cast<int>(kBlocks - 1)));
  }
  return out;
}

std::vector<float> first_logits(Bench& bench, std::span<const BatchItem> items) {
  EXPECT_GE(bench.forward.run(items), 1U);
  const kernels::Rows logits = bench.forward.logits(0, 1);
  return {logits.row(0), logits.row(0) + bench.config.vocab};
}

/// Logits after the last token, computed in steps of `chunk` tokens beside `companion` (or alone).
std::vector<float> compute(Bench& bench, std::span<const TokenId> tokens, uint32_t chunk,
                           const std::vector<BlockId>& table,
                           std::span<const TokenId> companion = {}) {
  const SamplingParams greedy{.temperature = 0};
  const auto other = blocks(1, 2);
  std::vector<float> logits;
  for (uint32_t at = 0; at < tokens.size(); at += chunk) {
    const auto count = std::min<uint32_t>(chunk, static_cast<uint32_t>(tokens.size()) - at);
    std::vector<BatchItem> items{{tokens.subspan(at, count), at, table, &greedy, {}}};
    if (!companion.empty()) items.push_back({companion, 0, other, &greedy, {}});
    logits = first_logits(bench, items);
  }
  return logits;
}

struct Case {
  bool qwen3;
  KvDtype dtype;
};

class ForwardTest : public testing::TestWithParam<Case> {
 protected:
  ForwardTest() { write_model(directory_, {.qwen3 = GetParam().qwen3}); }
  Bench bench(uint32_t threads, uint32_t block_size = 16) {
    return {directory_, threads, GetParam().dtype, block_size};
  }
  TemporaryDirectory directory_;
};

TEST_P(ForwardTest, ChunksThreadsAndBlocksChangeNoBit) {
  const auto tokens = some_tokens(1, kTokens);
  Bench one = bench(1);
  const auto expected = compute(one, tokens, kTokens, blocks(0, 2));
  for (const uint32_t chunk : {1U, 5U, 16U, 100U, 255U}) {
    EXPECT_EQ(compute(one, tokens, chunk, blocks(126, -2)), expected) << chunk;
  }
  Bench two = bench(2, 8);
  for (const uint32_t chunk : {1U, 64U, kTokens}) {
    EXPECT_EQ(compute(two, tokens, chunk, blocks(64, 2)), expected) << chunk;
  }
}

TEST_P(ForwardTest, EveryRowCountGivesTheSameBits) {
  Bench one = bench(1);
  const auto tokens = some_tokens(2, kTokens);
  const auto table = blocks(0, 2);
  for (uint32_t count = 1; count <= kTokens; count += count < 40 ? 1 : 31) {
    const auto prefix = std::span(tokens).first(count);
    const auto whole = compute(one, prefix, kTokens, table);
    // Now the last token alone, over what the others left in the cache.
    const SamplingParams greedy{.temperature = 0};
    const BatchItem last{prefix.last(1), count - 1, table, &greedy, {}};
    ASSERT_EQ(first_logits(one, {&last, 1}), whole) << count;
  }
}

TEST_P(ForwardTest, CompanionsChangeNoBit) {
  Bench two = bench(2);
  const auto tokens = some_tokens(3, 70);
  const auto alone = compute(two, tokens, 70, blocks(0, 2));
  for (const uint32_t size : {1U, 2U, 33U, 500U}) {
    EXPECT_EQ(compute(two, tokens, 70, blocks(0, 2), some_tokens(4, size)), alone) << size;
    EXPECT_EQ(compute(two, tokens, 9, blocks(0, 2), some_tokens(5, size)), alone) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ForwardTest,
                         testing::Values(Case{false, KvDtype::kF32}, Case{false, KvDtype::kBf16},
                                         Case{true, KvDtype::kF32}));

TEST(LoaderTest, SaysWhatIsMissing) {
  const TemporaryDirectory directory;
  EXPECT_FALSE(load_model({.directory = directory.path()}).ok());
  write_model(directory, {});
  EXPECT_TRUE(load_model({.directory = directory.path()}).ok());
  directory.write("config.json", config_json({.layers = 3}));
  const auto missing = load_model({.directory = directory.path()});
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("'model.layers.2."), std::string::npos);
  directory.write("config.json", config_json({.vocab = 95}));
  const auto shape = load_model({.directory = directory.path()});
  ASSERT_FALSE(shape.ok());
  EXPECT_NE(shape.error().message.find("[96, 64], expected [95, 64]"), std::string::npos);
}

TEST(CpuExecutorTest, AnswersEachItemThatAsks) {
  const TemporaryDirectory directory;
  write_model(directory, {});
  const auto model = load_model({.directory = directory.path(), .threads = 2});
  ASSERT_TRUE(model.ok());
  const auto pool = KvPool::create(
      {.blocks = kBlocks, .layers = 2, .kv_heads = 4, .block_size = 16, .head_dim = 16});
  ASSERT_TRUE(pool.ok());
  const auto executor = (*model)->make_executor(*pool, kTokensMax);
  const SamplingParams greedy{.temperature = 0};
  const auto tokens = some_tokens(6, 40);
  std::vector<std::vector<BlockId>> tables;
  Batch batch;
  // More items than logits are computed for at a time; every third asks for nothing.
  for (uint32_t i = 0; i < 40; ++i) tables.push_back({i});
  for (uint32_t i = 0; i < 40; ++i) {
    batch.items.push_back(
        {std::span(tokens).subspan(i, 1), 0, tables[i], i % 3 == 0 ? nullptr : &greedy, {}});
  }
  std::promise<StepResult> promise;
  executor->submit(batch, [&](StepResult result) { promise.set_value(std::move(result)); });
  const StepResult result = promise.get_future().get();
  ASSERT_EQ(result.tokens.size(), 40U);
  for (uint32_t i = 0; i < 40; ++i) {
    EXPECT_EQ(result.tokens[i].has_value(), i % 3 != 0);
    for (uint32_t j = 0; j < i; ++j) {
      if (i % 3 != 0 && j % 3 != 0 && tokens[i] == tokens[j]) {
        EXPECT_EQ(result.tokens[i], result.tokens[j]);
      }
    }
  }
}

TEST(ThreadTeamTest, RunsEveryTaskOnce) {
  for (const uint32_t threads : {1U, 2U, 4U}) {
    ThreadTeam team(threads);
    for (uint32_t region = 0; region < 2000; ++region) {
      std::array<std::atomic<uint32_t>, 9> counts{};
      const uint32_t tasks = region % 10;
      team.run(tasks, [&](uint32_t task, uint32_t worker) {
        EXPECT_LT(worker, threads);
        counts[task].fetch_add(1);
      });
      for (uint32_t task = 0; task < 9; ++task)
        ASSERT_EQ(counts[task].load(), task < tasks ? 1U : 0U);
    }
  }
}

TEST(KvPoolTest, RefusesSizesThatWrap) {
  const uint32_t huge = 0x80000000U;
  EXPECT_FALSE(KvPool::create({huge, huge, huge, 1, 1}).ok());
  EXPECT_FALSE(KvPool::create({0, 1, 1, 1, 1}).ok());
}

}  // namespace
}  // namespace llmd::engine
