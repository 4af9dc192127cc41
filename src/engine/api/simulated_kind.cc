// SPDX-License-Identifier: Apache-2.0
#include "engine/api/simulated_kind.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/log.h"
#include "engine/api/engine_process.h"
#include "engine/api/words4_assets.h"
#include "engine/simulated/profile.h"
#include "engine/simulated/simulated_executor.h"

namespace llmd::engine {
namespace {

class SimulatedKind final : public EngineKind {
 public:
  Result<void> load(const EngineProcessOptions& options) {
    const SimulatedOptions& simulated = *options.simulated;
    LLMD_ASSIGN_OR_RETURN(profile_, load_profile(simulated.profile));
    if (simulated.alpha_ms) profile_.time.alpha_s = *simulated.alpha_ms / 1e3;
    if (simulated.beta_ms) profile_.time.beta_s = *simulated.beta_ms / 1e3;
    if (simulated.gamma_ms) profile_.time.gamma_s = *simulated.gamma_ms / 1e3;
    LLMD_RETURN_IF_ERROR(load_tokenizer(simulated.tokenizer));
    LLMD_RETURN_IF_ERROR(make_shape(options));
    log::info(
        "simulated, profile {} ({}): {:g} ms per step, {:g} ms per computed token, {:g} ms per "
        "token attended, {} KV blocks of {} tokens",
        profile_.name, profile_.source, profile_.time.alpha_s * 1e3, profile_.time.beta_s * 1e3,
        profile_.time.gamma_s * 1e3, shape_.blocks, options.block_size);
    return {};
  }

  const ModelAssets& assets() const override { return assets_; }
  const EngineShape& shape() const override { return shape_; }
  std::string_view simulated_profile() const override { return profile_.name; }

  std::unique_ptr<Executor> make_executor(const Clock& clock,
                                          const CallAfter& call_after) override {
    return std::make_unique<SimulatedExecutor>(profile_.time, text_, clock, call_after);
  }

 private:
  Result<void> load_tokenizer(const std::string& directory) {
    if (directory.empty()) {
      assets_ = words4_assets();
    } else {
      LLMD_ASSIGN_OR_RETURN(assets_, load_assets(directory));
      for (const std::string& warning : assets_.warnings) log::warn("{}", warning);
      if (assets_.eos_ids.empty()) {
        return invalid_argument(directory + ": names no end-of-sequence token");
      }
    }
    text_ = std::make_shared<SimulatedText>(*assets_.tokenizer, assets_.eos_ids.front());
    return {};
  }

  Result<void> make_shape(const EngineProcessOptions& options) {
    const auto or_profile = [](uint32_t asked, uint32_t own) { return asked > 0 ? asked : own; };
    shape_.model_name = profile_.model;
    shape_.model_root = "simulated:" + profile_.name;
    shape_.vocab_size = assets_.tokenizer->vocab_size();
    shape_.cache_dtype = "simulated";
    shape_.blocks = options.num_gpu_blocks_override > 0
                        ? options.num_gpu_blocks_override
                        : static_cast<uint32_t>(profile_.kv_cache_tokens / options.block_size);
    const uint64_t fits = uint64_t{shape_.blocks} * options.block_size;
    SchedulerOptions& scheduler = shape_.scheduler;
    scheduler.max_num_seqs = or_profile(options.max_num_seqs, profile_.max_num_seqs);
    scheduler.max_num_batched_tokens =
        or_profile(options.max_num_batched_tokens, profile_.max_num_batched_tokens);
    scheduler.max_model_len =
        or_profile(options.max_model_len,
                   static_cast<uint32_t>(std::min<uint64_t>(profile_.max_model_len, fits)));
    scheduler.block_size = options.block_size;
    scheduler.prefix_caching = options.prefix_caching;
    scheduler.eos_ids = assets_.eos_ids;
    if (scheduler.max_model_len <= fits) return {};
    return invalid_argument(fmt::format(
        "{} KV blocks of {} tokens hold {} tokens, fewer than --max-model-len {}: lower it, or "
        "raise --num-gpu-blocks-override",
        shape_.blocks, options.block_size, fits, scheduler.max_model_len));
  }

  SimulatedProfile profile_;
  ModelAssets assets_;
  EngineShape shape_;
  std::shared_ptr<const SimulatedText> text_;
};

}  // namespace

Result<std::unique_ptr<EngineKind>> load_simulated_kind(const EngineProcessOptions& options) {
  auto kind = std::make_unique<SimulatedKind>();
  LLMD_RETURN_IF_ERROR(kind->load(options));
  return std::unique_ptr<EngineKind>(std::move(kind));
}

}  // namespace llmd::engine
