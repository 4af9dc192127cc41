// SPDX-License-Identifier: Apache-2.0
// What a token costs in virtual time: scheduler, executor and delivery together.
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "engine/simulated/test_engine.h"

namespace llmd::engine {
namespace {

constexpr uint32_t kOutput = 1000;

/// `sequences` at a time on one engine, each begun again when it ends.
class ClosedLoop {
 public:
  explicit ClosedLoop(uint32_t prompt)
      : prompt_(prompt), engine_(*load_profile("qwen3-32b-tp2-h100")) {}

  void start() {
    EngineRequest request = engine_.request(0, prompt_, kOutput);
    const auto id = engine_.engine.submit(std::move(request), [this](const Progress& progress) {
      ++tokens;
      if (progress.finish != FinishReason::kNone) start();
    });
    LLMD_CHECK(id.ok());
  }

  void run_until(uint64_t count) {
    while (tokens < count) engine_.time.run_one();
  }

  uint64_t tokens = 0;

 private:
  uint32_t prompt_;
  SimulatedTestEngine engine_;
};

void generate(benchmark::State& state) {
  ClosedLoop loop(/*prompt=*/100);
  for (int i = 0; i < state.range(0); ++i) loop.start();
  loop.run_until(10'000);
  uint64_t target = loop.tokens;
  for (auto _ : state) loop.run_until(++target);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(generate)->Arg(1)->Arg(64)->Arg(256);

}  // namespace
}  // namespace llmd::engine
