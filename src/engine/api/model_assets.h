// SPDX-License-Identifier: Apache-2.0
// What a model directory holds besides the weights: tokenizer, chat template, defaults.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/types.h"
#include "tokenize/chat_template.h"

namespace llmd::engine {

/// From generation_config.json; what a request does not say itself.
struct GenerationDefaults {
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::optional<int32_t> top_k;
  std::optional<uint32_t> max_new_tokens;
};

/// Immutable once loaded.
struct ModelAssets {
  std::unique_ptr<tokenize::Tokenizer> tokenizer;
  std::optional<tokenize::ChatTemplate> chat_template;
  /// Names that templates know, such as bos_token, and their texts.
  std::vector<std::pair<std::string, std::string>> special_tokens;
  std::vector<TokenId> eos_ids;
  GenerationDefaults defaults;
  std::vector<std::string> warnings;  ///< what the directory asks for and this engine does not do
};

/// Reads tokenizer.json, tokenizer_config.json, generation_config.json, config.json and
/// chat_template.jinja of `directory`; only the first must exist. Errors name the file.
Result<ModelAssets> load_assets(const std::string& directory);

}  // namespace llmd::engine
