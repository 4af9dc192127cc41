// SPDX-License-Identifier: Apache-2.0
#include "engine/api/engine_instance.h"

#include <ctime>
#include <random>

#include "engine/api/engine_process.h"

namespace llmd::engine {
namespace {

uint64_t entropy() {
  std::random_device device;
  return uint64_t{device()} << 32U | device();
}

std::vector<std::string> served_names(const EngineProcessOptions& options,
                                      const EngineShape& shape) {
  if (!options.served_model_names.empty()) return options.served_model_names;
  return {shape.model_name};
}

EngineOptions engine_options(const EngineShape& shape) {
  EngineOptions options;
  options.scheduler = shape.scheduler;
  options.waiting_max = shape.waiting_max;
  return options;
}

std::unique_ptr<EngineMetrics> make_metrics(observe::Registry& registry,
                                            const EngineProcessOptions& options,
                                            const EngineShape& shape, uint32_t rank) {
  MetricsInfo info;
  info.model_name = served_names(options, shape).front();
  info.engine_rank = rank;
  info.block_size = shape.scheduler.block_size;
  info.blocks = shape.blocks;
  info.max_model_len = shape.scheduler.max_model_len;
  info.cache_dtype = shape.cache_dtype;
  info.prefix_caching = shape.scheduler.prefix_caching;
  return std::make_unique<EngineMetrics>(registry, info);
}

ApiContext api_context(Engine& engine, const EngineKind& kind, observe::Registry& registry,
                       const EngineProcessOptions& options, uint64_t seed) {
  const EngineShape& shape = kind.shape();
  return ApiContext{
      .engine = engine,
      .assets = kind.assets(),
      .registry = registry,
      .model_names = served_names(options, shape),
      .model_root = shape.model_root,
      .api_keys = options.api_keys,
      .vocab_size = shape.vocab_size,
      .simulated_profile = std::string(kind.simulated_profile()),
      .unix_time_s = [] { return int64_t{std::time(nullptr)}; },
      .seeds = Random(seed),
      .ids = Random(entropy()),
      .capabilities = kind.capabilities(seed),
      .queue_full_status = shape.queue_full_status,
      .limits = {},
      .slow_streams_cut =
          registry.counter("llmd:streams_cut_slow_client_total",
                           "Streams that were cut because their client took no bytes."),
      .refresh_metrics = {},
  };
}

}  // namespace

EngineInstance::EngineInstance(const EngineSurroundings& around,
                               const EngineProcessOptions& options, uint32_t number, uint32_t rank)
    : loop_(around.loop),
      engine_(
          engine_options(around.kind.shape()),
          std::make_unique<BlockPool>(around.kind.shape().blocks),
          around.kind.make_executor(around.clock, around.call_after),
          *around.kind.assets().tokenizer, around.clock,
          [&loop = around.loop](std::function<void()> work) { loop.post(std::move(work)); },
          make_metrics(registry_, options, around.kind.shape(), rank)),
      server_(around.loop,
              api_context(engine_, around.kind, registry_, options, options.seed + number)) {}

Result<void> EngineInstance::publish_kv_events(const kv::PublisherConfig& config,
                                               KvEventSource source) {
  source.block_size = engine_.options().block_size;
  LLMD_ASSIGN_OR_RETURN(kv_events_,
                        KvEvents::start(config, source, loop_, engine_.pool(), registry_));
  return {};
}

Result<uint16_t> EngineInstance::listen(const std::string& host, uint16_t port) {
  return server_.listen(host, port);
}

}  // namespace llmd::engine
