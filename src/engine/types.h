// SPDX-License-Identifier: Apache-2.0
// Words that every part of the engine shares.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tokenize/tokenizer.h"

namespace llmd::engine {

using tokenize::TokenId;
using BlockId = uint32_t;  ///< index of a block in the KvPool

enum class KvDtype : uint8_t { kF32, kBf16 };

/// How the next token is chosen from the logits. Names and meanings are vLLM's SamplingParams.
struct SamplingParams {
  float temperature = 1.0F;  ///< 0 is greedy: the largest logit, the lowest id among equals
  int32_t top_k = 0;         ///< 0 or negative: off
  float top_p = 1.0F;        ///< in (0, 1]
  uint64_t seed = 0;
};

}  // namespace llmd::engine
