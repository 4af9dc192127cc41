// SPDX-License-Identifier: Apache-2.0
// Reading batches: time per token, beside the time that copying the same payload takes.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "base/counted_allocations.h"
#include "base/random.h"
#include "kv/events/batch_reader.h"

namespace llmd::kv {
namespace {

using json = nlohmann::ordered_json;  // the type first, as vLLM writes it

constexpr uint32_t kBlockSize = 16;
constexpr uint32_t kVocabulary = 151'936;

/// Rank r of the vocabulary about as often as 1 / r, as in text: all widths mixed.
uint32_t text_token(Random& random) {
  return static_cast<uint32_t>(std::pow(double{kVocabulary}, random.next_unit())) - 1;
}

/// What a step publishes that prefilled this many blocks of one prompt.
std::string payload_of(uint32_t blocks) {
  Random random(1);
  json event = {{"type", "BlockStored"}, {"block_size", kBlockSize}, {"medium", "GPU"}};
  for (uint32_t i = 0; i < blocks; ++i) event["block_hashes"].push_back(random.next());
  for (uint32_t i = 0; i < blocks * kBlockSize; ++i)
    event["token_ids"].push_back(text_token(random));
  event["extra_keys"] = json(blocks, nullptr);
  std::string bytes;
  json::to_msgpack(json::array({1.5, json::array({event}), 0}), bytes);
  return bytes;
}

/// Adds up what it hears, so that all of it is read.
class SumSink final : public EventSink {
 public:
  void on_stored(const StoredEvent& event) override {
    benchmark::DoNotOptimize(sum_ += event.tokens.back() + event.hashes.back());
  }
  void on_removed(const RemovedEvent&) override {}
  void on_cleared(const ClearedEvent&) override {}

 private:
  uint64_t sum_ = 0;
};

void report(benchmark::State& state, const std::string& payload) {
  const auto tokens = static_cast<double>(state.range(0) * kBlockSize);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(payload.size()));
  state.counters["s_per_token"] = benchmark::Counter(
      tokens, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void read_batch(benchmark::State& state) {
  const std::string payload = payload_of(static_cast<uint32_t>(state.range(0)));
  BatchReader reader;
  SumSink sink;
  benchmark::DoNotOptimize(reader.read(payload, sink));
  const uint64_t allocated = allocations;
  for (auto _ : state) benchmark::DoNotOptimize(reader.read(payload, sink));
  state.counters["allocations"] = static_cast<double>(allocations - allocated);
  report(state, payload);
}
BENCHMARK(read_batch)->Arg(1)->Arg(32)->Arg(512);

void copy_batch(benchmark::State& state) {
  const std::string payload = payload_of(static_cast<uint32_t>(state.range(0)));
  std::string copy(payload.size(), '\0');
  for (auto _ : state) {
    std::memcpy(copy.data(), payload.data(), payload.size());
    benchmark::ClobberMemory();
  }
  report(state, payload);
}
BENCHMARK(copy_batch)->Arg(512);

}  // namespace
}  // namespace llmd::kv
