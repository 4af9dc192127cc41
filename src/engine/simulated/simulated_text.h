// SPDX-License-Identifier: Apache-2.0
// What a simulated engine says.
#pragma once

#include <vector>

#include "engine/executor.h"

namespace llmd::engine {

/// Walks through a fixed text from a place that the seed decides. Immutable; any thread.
class SimulatedText {
 public:
  /// The text in the tokens of `tokenizer`. `eos`: what ends a script.
  SimulatedText(const tokenize::Tokenizer& tokenizer, TokenId eos);

  /// The token of `item`'s next position: from its script, or a pure function of seed and position.
  /// Suppressed ids are stepped over.
  TokenId choose(const BatchItem& item) const;

 private:
  TokenId wanted(const SamplingParams& sampling, uint32_t position) const;
  TokenId word(uint64_t seed, uint64_t position) const;

  std::vector<TokenId> words_;  ///< at least one
  TokenId eos_;
};

}  // namespace llmd::engine
