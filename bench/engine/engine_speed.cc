// SPDX-License-Identifier: Apache-2.0
// Times the engine's forward pass, and the machine's bounds, for bench/engine/compare.py.
//
//   engine_speed MODEL_DIR THREADS SEQUENCES PROMPT_TOKENS DECODE_STEPS
//
// Each line on stdin asks for one round: `model` prefills PROMPT_TOKENS in one step, shared among
// the sequences, then decodes; `bounds` measures the machine. The answer is one line of JSON.
#include <fmt/core.h>
#include <sys/resource.h>

#include <cstdlib>
#include <future>
#include <iostream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "engine/model/loader.h"

namespace llmd::engine {
namespace {

constexpr uint32_t kBlockSize = 16;

struct Spent {
  double wall_s;
  double cpu_s;  ///< of all threads
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class F>
Spent spend(F&& work) {
  const SteadyClock clock;
  const TimePoint start = clock.now();
  const double cpu = cpu_seconds();
  work();
  return {to_seconds(clock.now() - start), cpu_seconds() - cpu};
}

using Floats = float __attribute__((vector_size(64)));
/// A template would forget the alignment of the vector type alone.
struct alignas(64) Line {
  Floats values;
};

/// 32 operations per vector and turn: 12 independent chains of fused multiply-adds.
__attribute__((target_clones("avx512f", "fma", "default"), noinline)) float multiply_adds(
    size_t turns) {
  Floats a[12];
  Floats x;
  Floats y;
  for (int i = 0; i < 16; ++i) {
    x[i] = 0.999F;
    y[i] = 0.001F;
    for (Floats& v : a) v[i] = static_cast<float>(i);
  }
  for (size_t t = 0; t < turns; ++t) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) a[i] = a[i] * x + y;
  }
  Floats sum = a[0];
  for (int i = 1; i < 12; ++i) sum += a[i];
  return sum[0];
}

__attribute__((target_clones("avx512f", "fma", "default"), noinline)) float read_all(
    const Line* data, size_t count) {
  Floats sum[8] = {};
  for (size_t i = 0; i + 8 <= count; i += 8) {
    __builtin_prefetch(data + i + 64);
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) sum[j] += data[i + j].values;
  }
  for (size_t j = 1; j < 8; ++j) sum[0] += sum[j];
  return sum[0][0];
}

template <class F>
void on_threads(uint32_t threads, F&& work) {
  std::vector<std::thread> running;
  for (uint32_t i = 0; i < threads; ++i) running.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : running) thread.join();
}

std::string measure_bounds(uint32_t threads) {
  constexpr size_t kTurns = 20'000'000;
  constexpr size_t kLines = (size_t{256} << 20) / sizeof(Line);
  std::vector<Line> data(kLines * threads);
  std::vector<float> sink(threads);
  const Spent flops =
      spend([&] { on_threads(threads, [&](uint32_t i) { sink[i] = multiply_adds(kTurns); }); });
  const Spent bytes = spend([&] {
    on_threads(threads, [&](uint32_t i) { sink[i] += read_all(data.data() + i * kLines, kLines); });
  });
  const double operations = 12.0 * 32 * kTurns * threads;
  const double read = static_cast<double>(data.size() * sizeof(Line));
  return fmt::format(
      R"({{"flops": {:.4g}, "flops_per_cpu_s": {:.4g}, "bytes": {:.4g}, "bytes_per_cpu_s": {:.4g}}})",
      operations / flops.wall_s, operations / flops.cpu_s, read / bytes.wall_s, read / bytes.cpu_s);
}

struct Setting {
  uint32_t sequences;
  uint32_t prompt_tokens;
  uint32_t decode_steps;
};

/// Sequences with their own blocks, advanced together.
class Round {
 public:
  Round(Executor& executor, const Setting& setting) : executor_(executor), setting_(setting) {
    const uint32_t per_sequence =
        (setting.prompt_tokens / setting.sequences + setting.decode_steps) / kBlockSize + 1;
    tables_.resize(setting.sequences);
    for (uint32_t s = 0; s < setting.sequences; ++s) {
      tables_[s].resize(per_sequence);
      std::iota(tables_[s].begin(), tables_[s].end(), s * per_sequence);
    }
    tokens_.assign(setting.prompt_tokens / setting.sequences, 0);
    for (size_t i = 0; i < tokens_.size(); ++i) tokens_[i] = static_cast<TokenId>(i * 7 % 251);
  }

  std::string run() {
    const Spent prefill = spend([&] { step(0, static_cast<uint32_t>(tokens_.size())); });
    const Spent decode = spend([&] {
      for (uint32_t i = 0; i < setting_.decode_steps; ++i) {
        step(static_cast<uint32_t>(tokens_.size()) + i, 1);
      }
    });
    const double decoded = double{1} * setting_.decode_steps * setting_.sequences;
    return fmt::format(
        R"({{"prefill": {:.6g}, "prefill_cpu": {:.6g}, "decode": {:.6g}, "decode_cpu": {:.6g}}})",
        setting_.prompt_tokens / prefill.wall_s, setting_.prompt_tokens / prefill.cpu_s,
        decoded / decode.wall_s, decoded / decode.cpu_s);
  }

 private:
  void step(uint32_t position, uint32_t count) {
    Batch batch;
    for (const auto& table : tables_) {
      batch.items.push_back({.tokens = std::span(tokens_).first(count),
                             .first_position = position,
                             .block_table = table,
                             .sampling = &greedy_,
                             .suppressed = {}});
    }
    std::promise<void> done;
    executor_.submit(batch, [&done](const StepResult&) { done.set_value(); });
    done.get_future().wait();
  }

  Executor& executor_;
  Setting setting_;
  SamplingParams greedy_{.temperature = 0};
  std::vector<std::vector<BlockId>> tables_;
  std::vector<TokenId> tokens_;
};

Result<void> serve(const std::string& directory, uint32_t threads, const Setting& setting) {
  LLMD_ASSIGN_OR_RETURN(auto model, load_model({.directory = directory, .threads = threads}));
  const ModelInfo& info = model->info();
  const uint32_t tokens = setting.prompt_tokens + setting.sequences * setting.decode_steps;
  LLMD_ASSIGN_OR_RETURN(const KvPool pool,
                        KvPool::create({.blocks = tokens / kBlockSize + 2 * setting.sequences,
                                        .layers = info.layers,
                                        .kv_heads = info.kv_heads,
                                        .block_size = kBlockSize,
                                        .head_dim = info.head_dim}));
  const auto executor = model->make_executor(pool, setting.prompt_tokens);
  Round round(*executor, setting);
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << (line == "bounds" ? measure_bounds(threads) : round.run()) << std::endl;
  }
  return {};
}

}  // namespace
}  // namespace llmd::engine

int main(int argc, char** argv) {
  if (argc != 6) {
    fmt::print(stderr, "usage: engine_speed MODEL_DIR THREADS SEQUENCES PROMPT_TOKENS STEPS\n");
    return EXIT_FAILURE;
  }
  const auto number = [argv](int index) { return static_cast<uint32_t>(std::atoi(argv[index])); };
  const auto done = llmd::engine::serve(argv[1], number(2), {number(3), number(4), number(5)});
  if (done) return EXIT_SUCCESS;
  fmt::print(stderr, "{}\n", done.error().message);
  return EXIT_FAILURE;
}
