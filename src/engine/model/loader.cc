// SPDX-License-Identifier: Apache-2.0
#include "engine/model/loader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engine/model/config.h"
#include "engine/model/cpu_executor.h"
#include "engine/model/forward.h"
#include "engine/model/weight_store.h"
#include "engine/model/weights.h"

namespace llmd::engine {
namespace {

class MappedModel final : public Model {
 public:
  MappedModel(WeightStore store, ModelConfig config, DecoderWeights weights, uint32_t threads)
      : store_(std::move(store)),
        config_(std::move(config)),
        weights_(std::move(weights)),
        info_{.architecture = config_.architecture,
              .layers = config_.layers,
              .kv_heads = config_.kv_heads,
              .head_dim = config_.head_dim,
              .vocab_size = config_.vocab,
              .max_position = config_.max_position,
              .parameters = count_parameters(weights_, config_)},
        threads_(threads) {}

  const ModelInfo& info() const override { return info_; }

  std::unique_ptr<Executor> make_executor(const KvPool& pool,
                                          uint32_t tokens_per_step_max) override {
    return std::make_unique<CpuExecutor>(
        std::make_unique<Forward>(config_, weights_, pool, threads_, tokens_per_step_max));
  }

 private:
  WeightStore store_;  ///< what weights_ points into
  ModelConfig config_;
  DecoderWeights weights_;
  ModelInfo info_;
  uint32_t threads_;
};

}  // namespace

Result<std::unique_ptr<Model>> load_model(const LoadOptions& options) {
  LLMD_ASSIGN_OR_RETURN(const std::string text,
                        read_file(options.directory + "/config.json", kConfigBytesMax));
  LLMD_ASSIGN_OR_RETURN(ModelConfig config, parse_config(text));
  LLMD_ASSIGN_OR_RETURN(WeightStore store, WeightStore::open(options.directory));
  LLMD_ASSIGN_OR_RETURN(DecoderWeights weights, find_weights(store, config));
  return std::unique_ptr<Model>(std::make_unique<MappedModel>(
      std::move(store), std::move(config), std::move(weights), std::max(1U, options.threads)));
}

}  // namespace llmd::engine
