// SPDX-License-Identifier: Apache-2.0
// The prefix index beside what its memory costs to read: a lookup reads one place of a table for
// each block, at random.
#include "schedule/prefix_index.h"

#include <benchmark/benchmark.h>

#include <string>

#include "base/random.h"
#include "schedule/prefix_hash.h"

namespace llmd::schedule {
namespace {

/// As many blocks as an engine with a million cached tokens holds.
constexpr size_t kBlocksOfAnEndpoint = 16'384;

void hash_prompt(benchmark::State& state) {
  const std::string content(static_cast<size_t>(state.range(0)), 'x');
  Prefix prefix;
  for (auto _ : state) {
    hash_prefix({.model = "m"}, content, blocks_of(kPrefixTokensMax), prefix);
    benchmark::DoNotOptimize(prefix.hashes.data());
  }
  state.SetBytesProcessed(state.range(0) * state.iterations());
}
BENCHMARK(hash_prompt)->Arg(1 << 10)->Arg(220 << 10)->Arg(400 << 10);

/// An index of `endpoints` full endpoints that also hold the prompt, all of them.
struct FullIndex {
  FullIndex(uint32_t endpoints, size_t prompt_blocks) {
    Random random(1);
    for (size_t i = 0; i < prompt_blocks; ++i) prompt.push_back(random.next() | 1);
    std::vector<uint64_t> other(kBlocksOfAnEndpoint - prompt_blocks);
    for (uint32_t slot = 0; slot < endpoints; ++slot) {
      for (uint64_t& hash : other) hash = random.next() | 1;
      index.set_capacity(slot, kBlocksOfAnEndpoint * kCoarseUnits);
      index.record(slot, other);
      index.record(slot, prompt);
    }
  }
  PrefixIndex index;
  std::vector<uint64_t> prompt;
};

/// Several prompts in turn, so that none is in the processor's cache since its last lookup.
constexpr size_t kPrompts = 8;

void match_prefix(benchmark::State& state) {
  const auto blocks = static_cast<size_t>(state.range(1));
  FullIndex full(static_cast<uint32_t>(state.range(0)), blocks * kPrompts);
  std::vector<uint32_t> units;
  size_t next = 0;
  for (auto _ : state) {
    full.index.match(std::span(full.prompt).subspan(next * blocks, blocks), units);
    benchmark::DoNotOptimize(units.data());
    next = (next + 1) % kPrompts;
  }
  state.counters["ns/block"] = benchmark::Counter(
      static_cast<double>(blocks) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["table MiB"] = static_cast<double>(full.index.bytes()) / (1 << 20);
}

/// The bound: as many reads of one cache line each, at random places of as large a table. The
/// processor has as many of them under way as it can, since none needs what another reads.
void random_reads(benchmark::State& state) {
  const auto blocks = static_cast<size_t>(state.range(1));
  const FullIndex full(static_cast<uint32_t>(state.range(0)), blocks * kPrompts);
  constexpr size_t kLineWords = 8;
  std::vector<uint64_t> table(full.index.bytes() / sizeof(uint64_t));
  const size_t lines = table.size() / kLineWords;
  size_t next = 0;
  for (auto _ : state) {
    uint64_t sum = 0;
    for (const uint64_t hash : std::span(full.prompt).subspan(next * blocks, blocks)) {
      sum += table[(hash >> 1) % lines * kLineWords];
    }
    benchmark::DoNotOptimize(sum);
    next = (next + 1) % kPrompts;
  }
  state.counters["ns/block"] = benchmark::Counter(
      static_cast<double>(blocks) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
// A prompt of 100k tokens has 1,575 blocks here; one of 1k has 28.
BENCHMARK(match_prefix)->ArgsProduct({{1, 100}, {28, 1575}});
BENCHMARK(random_reads)->ArgsProduct({{1, 100}, {28, 1575}});

}  // namespace
}  // namespace llmd::schedule
