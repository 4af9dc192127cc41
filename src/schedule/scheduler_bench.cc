// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <string>

#include "schedule/default_config.h"
#include "schedule/prefix_index.h"
#include "schedule/scheduler.h"

namespace llmd::schedule {
namespace {

/// A pool of ready endpoints under different load.
void fill(endpoints::Pool& pool, size_t count) {
  std::vector<endpoints::EndpointSpec> specs;
  for (size_t i = 0; i < count; ++i) {
    specs.push_back({.name = std::to_string(i),
                     .address = "127.0.0.1",
                     .port = static_cast<uint16_t>(i + 1),
                     .labels = {}});
  }
  pool.update(std::move(specs));
  for (const auto& endpoint : *pool.snapshot()) {
    endpoints::Live& live = endpoint->live;
    live.health = endpoints::Health::kUp;
    live.models = {"org/some-model"};
    live.in_flight = endpoint->slot % 7;
    live.scrape.waiting = endpoint->slot % 3;
    live.scrape.kv_usage = 0.01 * (endpoint->slot % 90);
  }
}

/// One decision of the default configuration, or of four of upstream's scorers, without a prefix to
/// look up.
void decide(benchmark::State& state, const resources::EndpointPickerConfig& config) {
  endpoints::Pool pool;
  fill(pool, static_cast<size_t>(state.range(0)));
  const auto scheduler = Scheduler::make(config, 1).value();
  const auto snapshot = pool.snapshot();
  const Prefix prefix{.hashes = {}, .ends = {}, .units = 16, .ids = {}};
  const Query query{.model = "org/some-model",
                    .headers = {},
                    .prefix = &prefix,
                    .prompt_tokens = prefix.tokens(),
                    .output_tokens = 0,
                    .priority = 0,
                    .now = {}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(scheduler->schedule(query, *snapshot, {}));
    scheduler->placed(query);
  }
}
void decide_by_default(benchmark::State& state) { decide(state, default_config()); }
void decide_by_four_scorers(benchmark::State& state) {
  decide(state,
         resources::load_endpoint_picker_config("bench/routing/policies/upstream_default.yaml")
             .value());
}
BENCHMARK(decide_by_default)->Arg(5)->Arg(25)->Arg(100)->Arg(1000);
BENCHMARK(decide_by_four_scorers)->Arg(5)->Arg(25)->Arg(100)->Arg(1000);

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

/// A full match of a 400 KB prompt that every endpoint holds.
void match_prefix(benchmark::State& state) {
  PrefixIndex index;
  std::string content;
  for (Random random(1); content.size() < (400U << 10U);) content += std::to_string(random.next());
  Prefix prefix;
  hash_prefix({}, content, blocks_of(kPrefixTokensMax), prefix);
  for (uint32_t slot = 0; slot < static_cast<uint32_t>(state.range(0)); ++slot) {
    index.record(slot, prefix.hashes);
  }
  std::vector<uint32_t> units;
  for (auto _ : state) {
    index.match(prefix.hashes, units);
    benchmark::DoNotOptimize(units.data());
  }
  state.SetItemsProcessed(static_cast<int64_t>(prefix.hashes.size()) * state.iterations());
}
BENCHMARK(match_prefix)->Arg(1)->Arg(100);

}  // namespace
}  // namespace llmd::schedule
