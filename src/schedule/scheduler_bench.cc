// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <deque>
#include <string>

#include "base/counted_allocations.h"
#include "schedule/default_config.h"
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

/// This thread's, so that what else runs on the machine is left out. Takes 0.2 µs itself.
Duration cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// What single decisions took, and what they allocated.
class Decisions {
 public:
  template <typename Decide>
  void measure(benchmark::State& state, Decide decide) {
    decide();  // whatever grows to its size has grown
    const uint64_t before = allocations;
    for (auto _ : state) {
      const auto begin = cpu_time();
      decide();
      note(cpu_time() - begin);
    }
    state.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations - before),
                                                       benchmark::Counter::kAvgIterations);
    state.counters["p50 µs"] = percentile(0.5);
    state.counters["p99 µs"] = percentile(0.99);
  }

 private:
  static constexpr size_t kKept = 4096;  ///< of the last ones

  void note(Duration took) { took_[count_++ % kKept] = took; }
  double percentile(double share) {
    const auto end = took_.begin() + static_cast<ptrdiff_t>(std::min(count_, kKept));
    const auto at = took_.begin() +
                    static_cast<ptrdiff_t>(share * static_cast<double>(end - took_.begin() - 1));
    std::nth_element(took_.begin(), at, end);
    return std::chrono::duration<double, std::micro>(*at).count();
  }

  std::array<Duration, kKept> took_{};
  size_t count_ = 0;
};

/// Decides for prompts of so many tokens over endpoints that hold each of them somewhere.
class Load {
 public:
  Load(const resources::EndpointPickerConfig& config, size_t endpoints, size_t prompt_tokens)
      : scheduler_(Scheduler::make(config, 1).value()) {
    fill(pool_, endpoints);
    snapshot_ = pool_.snapshot();
    for (size_t i = 0; i < kPrompts; ++i) add_prompt(prompt_tokens, i);
  }

  void decide() {
    const Query query = query_of(prefixes_[next_++ % kPrompts]);
    benchmark::DoNotOptimize(scheduler_->schedule(query, *snapshot_, {}));
  }

 private:
  static constexpr size_t kPrompts = 64;

  void add_prompt(size_t tokens, size_t number) {
    const std::string text = fmt::format("{:<{}}", number, tokens * kBytesPerToken);
    Prefix& prefix = prefixes_.emplace_back();
    hash_prefix({}, text, blocks_of(kPrefixTokensMax), prefix);
    const Query query = query_of(prefix);
    scheduler_->schedule(query, *snapshot_, {});
    scheduler_->placed(query);
  }
  static Query query_of(const Prefix& prefix) {
    return {.model = "org/some-model",
            .headers = {},
            .prefix = &prefix,
            .prompt_tokens = prefix.tokens(),
            .output_tokens = 0,
            .priority = 0,
            .now = {}};
  }

  endpoints::Pool pool_;
  std::unique_ptr<Scheduler> scheduler_;
  std::shared_ptr<const endpoints::Snapshot> snapshot_;
  std::deque<Prefix> prefixes_;
  size_t next_ = 0;
};

void decide(benchmark::State& state, const resources::EndpointPickerConfig& config) {
  Load load(config, static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)));
  Decisions().measure(state, [&] { load.decide(); });
}
void decide_by_default(benchmark::State& state) { decide(state, default_config()); }
void decide_by_four_scorers(benchmark::State& state) {
  decide(state,
         resources::load_endpoint_picker_config("bench/routing/policies/upstream_default.yaml")
             .value());
}
// Endpoints; tokens of the prompt: 0 leaves nothing to look up.
BENCHMARK(decide_by_default)->ArgsProduct({{5, 25, 100, 1000}, {0, 1000, 100'000}});
BENCHMARK(decide_by_four_scorers)->ArgsProduct({{5, 25, 100, 1000}, {0, 1000, 100'000}});

}  // namespace
}  // namespace llmd::schedule
