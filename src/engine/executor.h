// SPDX-License-Identifier: Apache-2.0
// The border between what to compute (batch/) and computing it (model/, later simulated/).
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/types.h"

namespace llmd::engine {

/// One sequence's share of a step: compute the keys and values of `tokens`, which stand at
/// positions first_position…, writing them to the sequence's blocks, and choose the next token when
/// `sampling` is set.
struct BatchItem {
  std::span<const TokenId> tokens;  ///< at least one
  uint32_t first_position = 0;      ///< = tokens already in the KV cache
  std::span<const BlockId>
      block_table;  ///< covers positions 0 … first_position + tokens.size() - 1
  const SamplingParams* sampling = nullptr;  ///< null: a prompt chunk that ends before the prompt
  std::span<const TokenId> suppressed;       ///< never chosen (EOS while below min_tokens)
};

/// Everything a batch points to stays valid and unchanged until its completion ran.
struct Batch {
  std::vector<BatchItem> items;
};

/// One per item, in order: the chosen token, or nothing where no token was asked for.
struct StepResult {
  std::vector<std::optional<TokenId>> tokens;
};

/// Computes batches, one at a time. The same item gives the same token whatever else is in the
/// batch, and however a prompt was cut into chunks.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Returns at once; `done` runs once, on a thread of the executor's choice.
  virtual void submit(const Batch& batch, std::function<void(StepResult)> done) = 0;
};

}  // namespace llmd::engine
