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
  return options;
}

std::unique_ptr<EngineMetrics> make_metrics(observe::Registry& registry,
                                            const EngineProcessOptions& options,
                                            const EngineShape& shape) {
  const MetricsInfo info{served_names(options, shape).front(),
                         shape.scheduler.block_size,
                         shape.blocks,
                         shape.scheduler.max_model_len,
                         shape.cache_dtype,
                         shape.scheduler.prefix_caching};
  return std::make_unique<EngineMetrics>(registry, info);
}

ApiContext api_context(Engine& engine, const EngineKind& kind, observe::Registry& registry,
                       const EngineProcessOptions& options) {
  return ApiContext{engine,
                    kind.assets(),
                    registry,
                    served_names(options, kind.shape()),
                    kind.shape().model_root,
                    options.api_keys,
                    kind.shape().vocab_size,
                    std::string(kind.simulated_profile()),
                    [] { return int64_t{std::time(nullptr)}; },
                    Random(options.seed),
                    Random(entropy()),
                    {},
                    registry.counter("llmd:streams_cut_slow_client_total",
                                     "Streams that were cut because their client took no bytes."),
                    {}};
}

}  // namespace

EngineInstance::EngineInstance(const EngineSurroundings& around,
                               const EngineProcessOptions& options)
    : engine_(
          engine_options(around.kind.shape()),
          std::make_unique<BlockPool>(around.kind.shape().blocks),
          around.kind.make_executor(around.clock, around.call_after),
          *around.kind.assets().tokenizer, around.clock,
          [&loop = around.loop](std::function<void()> work) { loop.post(std::move(work)); },
          make_metrics(registry_, options, around.kind.shape())),
      server_(around.loop, api_context(engine_, around.kind, registry_, options)) {}

Result<uint16_t> EngineInstance::listen(const std::string& host, uint16_t port) {
  return server_.listen(host, port);
}

}  // namespace llmd::engine
