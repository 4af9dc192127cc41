// SPDX-License-Identifier: Apache-2.0
// What a run must know of its target before it begins: the model's name, how its tokenizer counts.
#pragma once

#include <memory>

#include "bench/config/bench_config.h"
#include "bench/over_http/target.h"
#include "bench/workload/token_text.h"
#include "bench/workload/workload.h"

namespace llmd::bench {

struct Prepared {
  std::string model;
  bool simulated = false;  ///< the target says so
  std::unique_ptr<TokenText> text;
  PromptOverhead overhead;
  /// False where nobody could say what a chat template or BOS adds: prompts are longer by that.
  bool counts_are_exact = true;
};

/// Asks the target; blocks. A target that does not answer is an error.
Result<Prepared> prepare(const BenchConfig& config, const Target& target);

}  // namespace llmd::bench
