// SPDX-License-Identifier: Apache-2.0
// The index beside what its memory costs to read, and beside the map with a mutex that it would
// otherwise be; and the memory of its entries.
#include <benchmark/benchmark.h>

#include <mutex>
#include <unordered_map>

#include "base/counted_allocations.h"
#include "base/random.h"
#include "kv/index/block_index.h"
#include "kv/index/engine_keys.h"
#include "kv/index/index_reader.h"

namespace llmd::kv {
namespace {

constexpr uint32_t kEndpoints = 100;
/// 100k tokens.
constexpr size_t kPromptBlocks = 6250;
/// Several prompts in turn, so that none is in the processor's cache since its last lookup.
constexpr size_t kPrompts = 8;
/// Of an endpoint, beside the prompts: half a million tokens in all.
constexpr size_t kOtherBlocks = 24'000;

/// What it holds is what 100 endpoints hold who have each prompt up to a depth that differs a
/// little, as engines evict on their own.
class Filled {
 public:
  explicit Filled(size_t depth_percent) {
    for (size_t i = 0; i < kPrompts * kPromptBlocks; ++i) keys.push_back(random_.next() | 2);
    for (uint32_t endpoint = 0; endpoint < kEndpoints; ++endpoint) fill(endpoint, depth_percent);
  }

  std::span<const BlockKey> prompt(size_t i) const {
    return std::span(keys).subspan(i % kPrompts * kPromptBlocks, kPromptBlocks);
  }

  BlockIndex index;
  std::vector<BlockKey> keys;
  std::vector<std::pair<BlockKey, uint32_t>> held;

 private:
  void fill(uint32_t endpoint, size_t depth_percent) {
    const Lane lane = index.open(endpoint).value();
    const size_t plane = index.plane_of({}).value();
    const auto add = [&](BlockKey key) {
      index.add(key, lane, plane);
      held.emplace_back(key, endpoint);
    };
    for (size_t i = 0; i < kOtherBlocks; ++i) add(random_.next() | 2);
    if (depth_percent == 0) return;
    for (size_t i = 0; i < kPrompts; ++i) {
      const size_t depth = kPromptBlocks * depth_percent / 100 - random_.below(kPromptBlocks / 4);
      for (const BlockKey key : prompt(i).first(depth)) add(key);
    }
  }

  Random random_{1};
};

void count_blocks(benchmark::State& state, size_t blocks) {
  state.counters["ns/block"] = benchmark::Counter(
      static_cast<double>(blocks) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void lookup(benchmark::State& state) {
  Filled filled(static_cast<size_t>(state.range(0)));
  IndexReader reader(filled.index);
  size_t next = 0;
  for (size_t i = 0; i < kPrompts; ++i) reader.match(filled.prompt(i));
  const uint64_t before = allocations;
  for (auto _ : state) benchmark::DoNotOptimize(reader.match(filled.prompt(next++)).data());
  state.counters["allocations"] = static_cast<double>(allocations - before);
  state.counters["table MiB"] = static_cast<double>(filled.index.bytes()) / (1 << 20);
  count_blocks(state, kPromptBlocks);
}

/// The bound: as many reads of one cache line each as the lookup has to make, at random places of
/// as large a table, and none waits for another.
void random_reads(benchmark::State& state) {
  const Filled filled(static_cast<size_t>(state.range(0)));
  constexpr size_t kLineWords = 8;
  std::vector<uint64_t> table(filled.index.bytes() / sizeof(uint64_t));
  const size_t lines = table.size() / kLineWords;
  size_t next = 0;
  const size_t reads =
      state.range(0) == 0 ? 1 : kPromptBlocks * static_cast<size_t>(state.range(0)) / 100;
  for (auto _ : state) {
    uint64_t sum = 0;
    for (const BlockKey key : filled.prompt(next++).first(reads)) {
      sum += table[key % lines * kLineWords];
    }
    benchmark::DoNotOptimize(sum);
  }
  count_blocks(state, kPromptBlocks);
}

/// The index that one would write first: a map from keys to lists of endpoints, under a mutex.
class LockedMap {
 public:
  void add(BlockKey key, uint32_t endpoint) {
    const std::lock_guard lock(mutex_);
    holders_[key].push_back(endpoint);
  }
  void match(std::span<const BlockKey> keys, std::unordered_map<uint32_t, uint32_t>& runs) {
    const std::lock_guard lock(mutex_);
    runs.clear();
    uint32_t at = 0;
    for (const BlockKey key : keys) {
      const auto found = holders_.find(key);
      if (found == holders_.end()) return;
      bool any = false;
      for (const uint32_t endpoint : found->second) {
        if (at > 0 && !runs.contains(endpoint)) continue;
        uint32_t& run = runs[endpoint];
        if (run != at) continue;
        ++run;
        any = true;
      }
      if (!any) return;
      ++at;
    }
  }

 private:
  std::mutex mutex_;
  std::unordered_map<BlockKey, std::vector<uint32_t>> holders_;
};

void locked_map(benchmark::State& state) {
  const Filled filled(static_cast<size_t>(state.range(0)));
  LockedMap map;
  for (const auto& [key, endpoint] : filled.held) map.add(key, endpoint);
  std::unordered_map<uint32_t, uint32_t> runs;
  size_t next = 0;
  for (auto _ : state) {
    map.match(filled.prompt(next++), runs);
    benchmark::DoNotOptimize(runs.size());
  }
  count_blocks(state, kPromptBlocks);
}
BENCHMARK(lookup)->Arg(0)->Arg(50)->Arg(100);
BENCHMARK(random_reads)->Arg(0)->Arg(50)->Arg(100);
BENCHMARK(locked_map)->Arg(0)->Arg(50)->Arg(100);

/// 10 million entries, a block being held by range(0) of 100 endpoints, chosen anew for every
/// range(1) blocks: all that the index keeps, the engines' hashes included.
void memory(benchmark::State& state) {
  constexpr size_t kEntries = 10'000'000;
  const auto holders = static_cast<uint32_t>(state.range(0));
  const auto chain = static_cast<size_t>(state.range(1));
  for (auto _ : state) {
    BlockIndex index;
    const size_t plane = index.plane_of({}).value();
    std::vector<EngineKeys> engines(kEndpoints);
    for (uint32_t i = 0; i < kEndpoints; ++i) index.open(i);
    Random random(1);
    uint32_t first = 0;
    for (size_t block = 0; block < kEntries / holders; ++block) {
      const BlockKey key = random.next() | 2;
      if (block % chain == 0) first = static_cast<uint32_t>(random.below(kEndpoints));
      for (uint32_t i = 0; i < holders; ++i) {
        const uint32_t lane = (first + i * i * 7) % kEndpoints;
        if (index.add(key, lane, plane)) engines[lane].add(~key, short_key(key));
      }
      if (block % 64 == 0) index.sweep();
    }
    size_t entries = 0;
    size_t engine_bytes = 0;
    for (const EngineKeys& each : engines) {
      entries += each.size();
      engine_bytes += each.bytes();
    }
    state.counters["entries"] = static_cast<double>(entries);
    state.counters["sets"] = static_cast<double>(index.sets());
    state.counters["index B/entry"] =
        static_cast<double>(index.bytes()) / static_cast<double>(entries);
    state.counters["engine keys B/entry"] =
        static_cast<double>(engine_bytes) / static_cast<double>(entries);
  }
}
BENCHMARK(memory)->Args({1, 1})->Args({4, 1})->Args({4, 64})->Iterations(1)->Unit(
    benchmark::kSecond);

}  // namespace
}  // namespace llmd::kv
