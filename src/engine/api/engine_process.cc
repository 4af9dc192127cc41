// SPDX-License-Identifier: Apache-2.0
#include "engine/api/engine_process.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <random>
#include <thread>

#include "base/log.h"
#include "engine/api/api_server.h"
#include "engine/api/kv_size.h"
#include "engine/model/loader.h"

namespace llmd::engine {
namespace {

uint64_t memory_bytes() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint32_t thread_count(const EngineProcessOptions& options) {
  return options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
}

std::vector<std::string> served_names(const EngineProcessOptions& options) {
  if (!options.served_model_names.empty()) return options.served_model_names;
  std::filesystem::path path = std::filesystem::path(options.model).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return {path.filename().string()};
}

observe::Counter slow_streams_cut(observe::Registry& registry) {
  return registry.counter("llmd:streams_cut_slow_client_total",
                          "Streams that were cut because their client took no bytes.");
}

uint64_t entropy() {
  std::random_device device;
  return uint64_t{device()} << 32U | device();
}

/// All parts of one engine process, in the order in which they stand on each other.
struct EngineProcess {
  explicit EngineProcess(const EngineProcessOptions& from) : options(from) {}

  Result<void> load();
  Result<void> make_pool();
  void make_engine();
  Result<void> serve();
  void on_signal(int signal);

  const EngineProcessOptions& options;
  SteadyClock clock;
  net::EventLoop loop;
  observe::Registry registry;
  std::unique_ptr<Model> model;
  ModelAssets assets;
  KvSize size;
  std::optional<KvPool> kv;
  std::unique_ptr<Engine> engine;
  std::optional<ApiServer> server;
  bool stopping = false;
};

Result<void> EngineProcess::load() {
  log::info("loading {}", options.model);
  LLMD_ASSIGN_OR_RETURN(model, load_model({options.model, thread_count(options)}));
  LLMD_ASSIGN_OR_RETURN(assets, load_assets(options.model));
  for (const std::string& warning : assets.warnings) log::warn("{}", warning);
  return {};
}

Result<void> EngineProcess::make_pool() {
  const ModelInfo& info = model->info();
  KvLayout layout{
      1, info.layers, info.kv_heads, options.block_size, info.head_dim, options.kv_cache_dtype};
  LLMD_ASSIGN_OR_RETURN(size, size_kv(layout, {info.max_position, options.max_model_len,
                                               options.num_gpu_blocks_override,
                                               options.max_num_seqs, memory_bytes()}));
  if (size.shortened) {
    log::warn(
        "sequences are limited to {} tokens, of the model's {}: more do not fit into the KV "
        "cache (--num-gpu-blocks-override)",
        size.max_model_len, info.max_position);
  }
  layout.blocks = size.blocks;
  LLMD_ASSIGN_OR_RETURN(kv, KvPool::create(layout));
  log::info("{}: {} parameters, max_model_len {}, {} KV blocks of {} tokens ({} MiB), {} threads",
            info.architecture, info.parameters, size.max_model_len, size.blocks, options.block_size,
            layout.total_bytes() >> 20U, thread_count(options));
  return {};
}

void EngineProcess::make_engine() {
  EngineOptions engine_options;
  engine_options.scheduler = {options.max_num_seqs,   options.max_num_batched_tokens,
                              size.max_model_len,     options.block_size,
                              options.prefix_caching, assets.eos_ids};
  const MetricsInfo info{served_names(options).front(),
                         options.block_size,
                         size.blocks,
                         size.max_model_len,
                         options.kv_cache_dtype == KvDtype::kF32 ? "f32" : "bf16",
                         options.prefix_caching};
  engine = std::make_unique<Engine>(
      engine_options, std::make_unique<BlockPool>(size.blocks),
      model->make_executor(*kv, options.max_num_batched_tokens), *assets.tokenizer, clock,
      [this](std::function<void()> work) { loop.post(std::move(work)); },
      std::make_unique<EngineMetrics>(registry, info));
}

Result<void> EngineProcess::serve() {
  server.emplace(loop, ApiContext{*engine,
                                  assets,
                                  registry,
                                  served_names(options),
                                  options.model,
                                  options.api_keys,
                                  model->info().vocab_size,
                                  [] { return int64_t{std::time(nullptr)}; },
                                  Random(options.seed),
                                  Random(entropy()),
                                  {},
                                  slow_streams_cut(registry),
                                  {}});
  LLMD_ASSIGN_OR_RETURN(const uint16_t port, server->listen(options.host, options.port));
  loop.on_terminate([this](int signal) { on_signal(signal); });
  std::printf("llmd ready engine http://%s:%u\n", options.host.c_str(), unsigned{port});
  std::fflush(stdout);
  loop.run();
  return {};
}

/// The first signal lets running requests end; the second does not wait.
void EngineProcess::on_signal(int signal) {
  if (stopping) std::_Exit(128 + signal);
  stopping = true;
  log::info("stopping: {} running requests may end", engine->requests());
  server->drain([this] { loop.stop(); });
}

}  // namespace

Result<void> run_engine(const EngineProcessOptions& options) {
  log::configure("engine " + served_names(options).front(), log::Level::kInfo);
  EngineProcess process(options);
  LLMD_RETURN_IF_ERROR(process.load());
  LLMD_RETURN_IF_ERROR(process.make_pool());
  process.make_engine();
  return process.serve();
}

}  // namespace llmd::engine
