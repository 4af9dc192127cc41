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

using Draw = uint32_t(Random&);

/// Id r about as often as 1 / r: the widths of the wire mixed as unforeseeably as can be.
uint32_t mixed_token(Random& random) {
  return static_cast<uint32_t>(std::pow(double{kVocabulary}, random.next_unit())) - 1;
}

uint32_t two_byte_token(Random& random) { return 256 + static_cast<uint32_t>(random.below(65280)); }

/// What a step publishes that prefilled this many blocks of one prompt.
std::string payload_of(int64_t blocks, Draw draw) {
  Random random(1);
  json event = {{"type", "BlockStored"}, {"block_size", kBlockSize}, {"medium", "GPU"}};
  for (int64_t i = 0; i < blocks; ++i) event["block_hashes"].push_back(random.next());
  for (int64_t i = 0; i < blocks * kBlockSize; ++i) event["token_ids"].push_back(draw(random));
  event["extra_keys"] = json(static_cast<size_t>(blocks), nullptr);
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

void read_batch(benchmark::State& state, Draw draw) {
  const std::string payload = payload_of(state.range(0), draw);
  BatchReader reader;
  SumSink sink;
  benchmark::DoNotOptimize(reader.read(payload, sink));
  const uint64_t allocated = allocations;
  for (auto _ : state) benchmark::DoNotOptimize(reader.read(payload, sink));
  state.counters["allocations"] = static_cast<double>(allocations - allocated);
  report(state, payload);
}
BENCHMARK_CAPTURE(read_batch, mixed, mixed_token)->Arg(1)->Arg(32)->Arg(512);
BENCHMARK_CAPTURE(read_batch, two_bytes, two_byte_token)->Arg(512);

void copy_batch(benchmark::State& state) {
  const std::string payload = payload_of(state.range(0), mixed_token);
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
