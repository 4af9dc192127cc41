// SPDX-License-Identifier: Apache-2.0
// For tests and benchmarks: an engine under a time model on a virtual clock.
#pragma once

#include <memory>
#include <utility>

#include "base/virtual_time.h"
#include "engine/batch/engine.h"
#include "engine/simulated/profile.h"
#include "engine/simulated/simulated_executor.h"

namespace llmd::engine {

class SimulatedTestEngine {
 public:
  static constexpr uint32_t kBlockSize = 16;

  explicit SimulatedTestEngine(const SimulatedProfile& profile)
      : tokenizer_(tokenize::make_words4()),
        engine(
            options(profile),
            std::make_unique<BlockPool>(
                static_cast<uint32_t>(profile.kv_cache_tokens / kBlockSize)),
            std::make_unique<SimulatedExecutor>(
                profile.time, std::make_shared<SimulatedText>(*tokenizer_, TokenId{0}), time,
                time.call_after()),
            *tokenizer_, time,
            [this](std::function<void()> work) { time.call_at(time.now(), std::move(work)); },
            std::make_unique<EngineMetrics>(registry_, MetricsInfo{})) {}

  /// A request whose prompt is `shared` tokens common to all of `group`, then own ones.
  EngineRequest request(uint32_t shared, uint32_t own, uint32_t output, uint32_t group = 0) {
    EngineRequest out;
    for (uint32_t i = 0; i < shared; ++i) out.prompt.push_back(group * 1000 + i % 1000 + 1);
    for (uint32_t i = 0; i < own; ++i) out.prompt.push_back((++next_id_) | 0x8000'0000U);
    out.stop.max_tokens = output;
    out.detokenize = false;
    return out;
  }

 private:
  static EngineOptions options(const SimulatedProfile& profile) {
    EngineOptions out;
    out.scheduler.max_num_seqs = profile.max_num_seqs;
    out.scheduler.max_num_batched_tokens = profile.max_num_batched_tokens;
    out.scheduler.max_model_len = profile.max_model_len;
    out.scheduler.block_size = kBlockSize;
    out.scheduler.eos_ids = {0};
    return out;
  }

  std::unique_ptr<tokenize::Tokenizer> tokenizer_;
  observe::Registry registry_;
  uint32_t next_id_ = 0;

 public:
  VirtualTime time;
  Engine engine;
};

}  // namespace llmd::engine
