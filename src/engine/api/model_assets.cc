// SPDX-License-Identifier: Apache-2.0
#include "engine/api/model_assets.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace llmd::engine {
namespace {

using Json = nlohmann::json;

constexpr size_t kTokenizerBytesMax = 256U << 20U;
constexpr size_t kConfigBytesMax = 16U << 20U;

std::string path_of(const std::string& directory, const char* name) {
  return (std::filesystem::path(directory) / name).string();
}

/// An empty object where there is no such file.
Result<Json> read_json(const std::string& directory, const char* name) {
  const std::string path = path_of(directory, name);
  if (!std::filesystem::exists(path)) return Json(Json::object());
  LLMD_ASSIGN_OR_RETURN(const std::string text, read_file(path, kConfigBytesMax));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return invalid_argument(path + " is not a JSON object");
  return json;
}

/// A token's text: a string, or an added token's object with its `content`.
std::optional<std::string> token_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return std::nullopt;
}

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
  const auto text = token_text(tokenizer_config.value("eos_token", Json()));
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

void read_special_tokens(const Json& tokenizer_config, ModelAssets& out) {
  for (const char* name : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
    if (auto text = token_text(tokenizer_config.value(name, Json()))) {
      out.special_tokens.emplace_back(name, std::move(*text));
    }
  }
}

/// A string, or a list of {name, template} of which the one named "default" counts.
std::optional<std::string> template_in(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return std::nullopt;
  for (const Json& item : value) {
    if (item.is_object() && item.value("name", Json()) == "default") {
      return template_in(item.value("template", Json()));
    }
  }
  return std::nullopt;
}

Result<void> read_chat_template(const std::string& directory, const Json& tokenizer_config,
                                ModelAssets& out) {
  const std::string path = path_of(directory, "chat_template.jinja");
  std::optional<std::string> source = template_in(tokenizer_config.value("chat_template", Json()));
  if (std::filesystem::exists(path)) {
    LLMD_ASSIGN_OR_RETURN(source, read_file(path, kConfigBytesMax));
  }
  if (!source) return {};
  Result<tokenize::ChatTemplate> parsed = tokenize::ChatTemplate::parse(*source);
  if (!parsed) {
    // The model still completes; only chat is answered with an error.
    out.warnings.push_back("no chat: the chat template: " + parsed.error().message);
    return {};
  }
  out.chat_template = std::move(parsed).value();
  return {};
}

}  // namespace

Result<ModelAssets> load_assets(const std::string& directory) {
  ModelAssets assets;
  LLMD_ASSIGN_OR_RETURN(const std::string tokenizer_json,
                        read_file(path_of(directory, "tokenizer.json"), kTokenizerBytesMax));
  Result<std::unique_ptr<tokenize::Tokenizer>> tokenizer =
      tokenize::parse_tokenizer(tokenizer_json);
  if (!tokenizer) {
    return Error{tokenizer.error().code,
                 path_of(directory, "tokenizer.json") + ": " + tokenizer.error().message};
  }
  assets.tokenizer = std::move(tokenizer).value();
  LLMD_ASSIGN_OR_RETURN(const Json tokenizer_config, read_json(directory, "tokenizer_config.json"));
  LLMD_ASSIGN_OR_RETURN(const Json generation, read_json(directory, "generation_config.json"));
  LLMD_ASSIGN_OR_RETURN(const Json config, read_json(directory, "config.json"));
  collect_eos(tokenizer_config, generation, config, assets);
  read_defaults(generation, assets);
  read_special_tokens(tokenizer_config, assets);
  LLMD_RETURN_IF_ERROR(read_chat_template(directory, tokenizer_config, assets));
  return assets;
}

}  // namespace llmd::engine
