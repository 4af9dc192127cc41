// SPDX-License-Identifier: Apache-2.0
#include "engine/api/model_assets.h"

#include <algorithm>

#include "tokenize/model_files.h"

namespace llmd::engine {
namespace {

using Json = nlohmann::json;

void add_eos(std::vector<TokenId>& ids, const Json& value) {
  if (value.is_array()) {
    for (const Json& item : value) add_eos(ids, item);
  } else if (value.is_number_unsigned() && value.get<uint64_t>() <= UINT32_MAX) {
    const auto id = value.get<TokenId>();
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
}

/// The tokenizer's EOS, and those of generation_config.json or else config.json, as in vLLM.
void collect_eos(const Json& tokenizer_config, const Json& generation, const Json& config,
                 ModelAssets& out) {
  const auto text = tokenize::token_text(tokenizer_config.value("eos_token", Json()));
  if (text) {
    if (const auto id = out.tokenizer->token_to_id(*text)) add_eos(out.eos_ids, Json(*id));
  }
  const Json& source = generation.contains("eos_token_id") ? generation : config;
  add_eos(out.eos_ids, source.value("eos_token_id", Json()));
}

std::optional<double> number(const Json& object, const char* name) {
  const Json value = object.value(name, Json());
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

void read_defaults(const Json& generation, ModelAssets& out) {
  out.defaults.temperature = number(generation, "temperature");
  out.defaults.top_p = number(generation, "top_p");
  if (const auto top_k = number(generation, "top_k")) {
    out.defaults.top_k = static_cast<int32_t>(std::clamp(*top_k, -1.0, 1e9));
  }
  if (const auto most = number(generation, "max_new_tokens"); most && *most >= 1) {
    out.defaults.max_new_tokens = static_cast<uint32_t>(std::min(*most, 4e9));
  }
  if (number(generation, "repetition_penalty").value_or(1) != 1) {
    out.warnings.emplace_back("generation_config.json's repetition_penalty is not applied");
  }
}

}  // namespace

Result<ModelAssets> load_assets(const std::string& directory) {
  ModelAssets assets;
  LLMD_ASSIGN_OR_RETURN(static_cast<tokenize::PromptTokenizer&>(assets),
                        tokenize::load_prompt_tokenizer(directory));
  LLMD_ASSIGN_OR_RETURN(const Json tokenizer_config,
                        tokenize::read_model_json(directory, "tokenizer_config.json"));
  LLMD_ASSIGN_OR_RETURN(const Json generation,
                        tokenize::read_model_json(directory, "generation_config.json"));
  LLMD_ASSIGN_OR_RETURN(const Json config, tokenize::read_model_json(directory, "config.json"));
  collect_eos(tokenizer_config, generation, config, assets);
  read_defaults(generation, assets);
  return assets;
}

ModelAssets words4_assets() {
  ModelAssets assets;
  static_cast<tokenize::PromptTokenizer&>(assets) = tokenize::words4_prompt_tokenizer();
  assets.eos_ids = {0};
  return assets;
}

}  // namespace llmd::engine
