// SPDX-License-Identifier: Apache-2.0
// Choosing one token from logits.
#pragma once

#include <span>

#include "engine/types.h"

namespace llmd::engine {

/// A pure function: randomness comes from (params.seed, position) alone, so the same request gives
/// the same tokens whatever runs beside it. Order of operations as in vLLM: suppression,
/// temperature, top-k, top-p. `logits` is scratch afterwards. `position` is that of the new token.
TokenId sample(std::span<float> logits, const SamplingParams& params, uint32_t position,
               std::span<const TokenId> suppressed);

}  // namespace llmd::engine
