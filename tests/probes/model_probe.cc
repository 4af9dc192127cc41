// SPDX-License-Identifier: Apache-2.0
// Drives the engine's model without HTTP, for comparisons with other implementations.
//
//   model_probe MODEL_DIR [THREADS [CHUNK [f32|bf16]]]
//
// Each line on stdin is `FIRST id id id …`. The tokens are computed in steps of at most CHUNK up to
// index FIRST, then one by one; the answer is one line: the greedy choice after each token from
// index FIRST on.
#include <fmt/core.h>

#include <cstdlib>
#include <future>
#include <iostream>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "engine/model/loader.h"

namespace llmd::engine {
namespace {

constexpr uint32_t kBlockSize = 16;

struct Probe {
  std::unique_ptr<Model> model;
  KvPool pool;
  std::unique_ptr<Executor> executor;
  uint32_t chunk;
};

Result<Probe> make_probe(const std::string& directory, uint32_t threads, uint32_t chunk,
                         KvDtype dtype) {
  LLMD_ASSIGN_OR_RETURN(auto model, load_model({.directory = directory, .threads = threads}));
  const ModelInfo& info = model->info();
  LLMD_ASSIGN_OR_RETURN(KvPool pool, KvPool::create({.blocks = info.max_position / kBlockSize,
                                                     .layers = info.layers,
                                                     .kv_heads = info.kv_heads,
                                                     .block_size = kBlockSize,
                                                     .head_dim = info.head_dim,
                                                     .dtype = dtype}));
  return Probe{std::move(model), std::move(pool), nullptr, chunk};
}

std::optional<TokenId> run_item(Executor& executor, const BatchItem& item) {
  std::promise<StepResult> promise;
  executor.submit(Batch{{item}}, [&](StepResult result) { promise.set_value(std::move(result)); });
  return promise.get_future().get().tokens[0];
}

std::vector<TokenId> choices(Probe& probe, uint32_t first, std::span<const TokenId> tokens) {
  const SamplingParams greedy{.temperature = 0};
  std::vector<BlockId> table(probe.pool.layout().blocks);
  std::iota(table.begin(), table.end(), 0);
  std::vector<TokenId> out;
  for (uint32_t at = 0; at < tokens.size();) {
    const uint32_t count = at < first ? std::min(probe.chunk, first - at) : 1;
    const bool asks = at >= first;
    const auto token = run_item(*probe.executor, {.tokens = tokens.subspan(at, count),
                                                  .first_position = at,
                                                  .block_table = table,
                                                  .sampling = asks ? &greedy : nullptr,
                                                  .suppressed = {}});
    if (asks) out.push_back(*token);
    at += count;
  }
  return out;
}

int serve(Probe& probe) {
  probe.executor = probe.model->make_executor(probe.pool, probe.chunk);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    uint32_t first = 0;
    words >> first;
    std::vector<TokenId> tokens;
    for (TokenId token = 0; words >> token;) tokens.push_back(token);
    for (const TokenId token : choices(probe, first, tokens)) std::cout << token << ' ';
    std::cout << std::endl;
  }
  return EXIT_SUCCESS;
}

int run(std::span<char*> args) {
  if (args.size() < 2) {
    fmt::print(stderr, "usage: model_probe MODEL_DIR [THREADS [CHUNK [f32|bf16]]]\n");
    return EXIT_FAILURE;
  }
  const auto number = [&](size_t index, uint32_t otherwise) {
    return args.size() > index ? static_cast<uint32_t>(std::atoi(args[index])) : otherwise;
  };
  const bool bf16 = args.size() > 4 && std::string_view(args[4]) == "bf16";
  auto probe =
      make_probe(args[1], number(2, 1), number(3, 512), bf16 ? KvDtype::kBf16 : KvDtype::kF32);
  if (!probe) {
    fmt::print(stderr, "{}\n", probe.error().message);
    return EXIT_FAILURE;
  }
  return serve(*probe);
}

}  // namespace
}  // namespace llmd::engine

int main(int argc, char** argv) { return llmd::engine::run({argv, static_cast<size_t>(argc)}); }
