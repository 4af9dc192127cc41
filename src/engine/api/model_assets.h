// SPDX-License-Identifier: Apache-2.0
// What a model directory holds besides the weights: tokenizer, chat template, defaults.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/types.h"
#include "tokenize/prompt_tokenizer.h"

namespace llmd::engine {

/// From generation_config.json; what a request does not say itself.
struct GenerationDefaults {
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<int32_t> top_k;
  std::optional<uint32_t> max_new_tokens;
};

/// Immutable once loaded.
struct ModelAssets : tokenize::PromptTokenizer {
  std::vector<TokenId> eos_ids;
  GenerationDefaults defaults;
};

/// As tokenize::load_prompt_tokenizer(), with generation_config.json and config.json.
Result<ModelAssets> load_assets(const std::string& directory);
/// words4 in the place of a model. Id 0 ends a sequence and decodes to nothing.
ModelAssets words4_assets();

}  // namespace llmd::engine
