// SPDX-License-Identifier: Apache-2.0
#include "engine/api/simulated_kind.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "engine/api/engine_process.h"
#include "engine/simulated/profile.h"
#include "engine/simulated/simulated_executor.h"

namespace llmd::engine {
namespace {

constexpr double kStartupSecondsMax = 1e6;

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
    LLMD_RETURN_IF_ERROR(read_behaviour(simulated));
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

  Capabilities capabilities(uint64_t seed) const override {
    Capabilities can;
    can.failures.emplace(behaviour_.failures, seed);
    can.sleep.emplace();
    can.lora = lora_;
    can.fake_metrics = fake_metrics_;
    can.answers = answers_;
    return can;
  }

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
    scheduler.max_loras = options.simulated->max_loras;
    shape_.waiting_max = options.simulated->max_waiting_queue_length;
    shape_.queue_full_status = 429;
    if (scheduler.max_model_len <= fits) return {};
    return invalid_argument(fmt::format(
        "{} KV blocks of {} tokens hold {} tokens, fewer than --max-model-len {}: lower it, or "
        "raise --num-gpu-blocks-override",
        shape_.blocks, options.block_size, fits, scheduler.max_model_len));
  }

  Result<void> read_behaviour(const SimulatedOptions& simulated) {
    behaviour_ = simulated;
    OutputLength length;
    if (!simulated.output_length.empty()) {
      LLMD_ASSIGN_OR_RETURN(length, parse_output_length(simulated.output_length));
    }
    const auto mode = simulated.echo ? AnswerMaker::Mode::kEcho : AnswerMaker::Mode::kRandom;
    answers_.emplace(mode, length);
    if (!simulated.fake_metrics.empty()) {
      LLMD_ASSIGN_OR_RETURN(fake_metrics_, parse_fake_metrics(simulated.fake_metrics));
    }
    LLMD_RETURN_IF_ERROR(load_adapters(simulated));
    return read_startup(simulated.startup_duration);
  }

  Result<void> load_adapters(const SimulatedOptions& simulated) {
    lora_.emplace(simulated.max_loras);
    for (const std::string& module : simulated.lora_modules) {
      const size_t at = module.find('=');
      const std::string path = at == std::string::npos ? "" : module.substr(at + 1);
      if (const auto error = lora_->load(module.substr(0, at), path)) {
        return invalid_argument("--lora-modules " + module + ": " + error->message);
      }
    }
    return {};
  }

  Result<void> read_startup(const std::string& text) {
    const auto seconds =
        text == "profile" ? std::optional(profile_.time.cold_start_s) : parse_decimal(text);
    if (!seconds || *seconds < 0 || *seconds > kStartupSecondsMax) {
      return invalid_argument("--startup-duration: give seconds, or \"profile\"");
    }
    shape_.startup = Duration(static_cast<Duration::rep>(*seconds * 1e9));
    return {};
  }

  SimulatedProfile profile_;
  SimulatedOptions behaviour_;
  std::optional<AnswerMaker> answers_;
  std::optional<FakeMetrics> fake_metrics_;
  std::optional<LoraAdapters> lora_;  ///< as every engine begins
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
