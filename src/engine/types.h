// SPDX-License-Identifier: Apache-2.0
// Words that every part of the engine shares.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tokenize/tokenizer.h"

namespace llmd::engine {

using tokenize::TokenId;
using BlockId = uint32_t;  ///< index of a block in the KvPool

using AdapterId = uint32_t;  ///< a LoRA adapter; 0 is the model itself

enum class KvDtype : uint8_t { kF32, kBf16 };

/// What an engine without a model is to answer: `tokens`, then whatever it likes up to `length`
/// tokens, then EOS. Models choose for themselves and take no notice.
struct Script {
  uint32_t prompt_size = 0;  ///< position of the first answered token
  uint32_t length = 0;
  std::vector<TokenId> tokens;
};

/// How the next token is chosen from the logits. Names and meanings are vLLM's SamplingParams.
struct SamplingParams {
  float temperature = 1.0F;  ///< 0 is greedy: the largest logit, the lowest id among equals
  int32_t top_k = 0;         ///< 0 or negative: off
  float top_p = 1.0F;        ///< in (0, 1]
  uint64_t seed = 0;
  std::shared_ptr<const Script> script{};  ///< null: none
};

}  // namespace llmd::engine
