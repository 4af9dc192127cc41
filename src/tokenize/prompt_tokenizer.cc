// SPDX-License-Identifier: Apache-2.0
#include "tokenize/prompt_tokenizer.h"

#include <filesystem>

#include "base/check.h"
#include "base/text.h"
#include "openai/chat_types.h"
#include "tokenize/model_files.h"

namespace llmd::tokenize {
namespace {

using Json = nlohmann::json;

constexpr size_t kTokenizerBytesMax = 256U << 20U;
constexpr size_t kTemplateBytesMax = 16U << 20U;

/// Line ends are printed, as one after a block's end would be trimmed.
constexpr const char* kWords4Template =
    "{% if tools %}{{ tools | tojson }}{{ '\\n' }}{% endif %}"
    "{% for message in messages %}"
    "{{ message.role }}: {{ message.content or '' }}"
    "{% if message.tool_calls %}{{ message.tool_calls | tojson }}{% endif %}"
    "{{ '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}";

Result<std::unique_ptr<Tokenizer>> read_tokenizer(const std::string& path) {
  LLMD_ASSIGN_OR_RETURN(const std::string json, read_file(path, kTokenizerBytesMax));
  auto tokenizer = parse_tokenizer(json);
  if (!tokenizer) return Error{tokenizer.error().code, path + ": " + tokenizer.error().message};
  return tokenizer;
}

void read_special_tokens(const Json& tokenizer_config, PromptTokenizer& out) {
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
                                PromptTokenizer& out) {
  const std::string path = model_file(directory, "chat_template.jinja");
  std::optional<std::string> source = template_in(tokenizer_config.value("chat_template", Json()));
  if (std::filesystem::exists(path)) {
    LLMD_ASSIGN_OR_RETURN(source, read_file(path, kTemplateBytesMax));
  }
  if (!source) return {};
  Result<ChatTemplate> parsed = ChatTemplate::parse(*source);
  if (!parsed) {
    // The model still completes; only chat is answered with an error.
    out.warnings.push_back("no chat: the chat template: " + parsed.error().message);
    return {};
  }
  out.chat_template = std::move(parsed).value();
  return {};
}

}  // namespace

Result<PromptTokenizer> load_prompt_tokenizer(const std::string& directory) {
  PromptTokenizer out;
  LLMD_ASSIGN_OR_RETURN(out.tokenizer, read_tokenizer(model_file(directory, "tokenizer.json")));
  LLMD_ASSIGN_OR_RETURN(const Json config, read_model_json(directory, "tokenizer_config.json"));
  read_special_tokens(config, out);
  LLMD_RETURN_IF_ERROR(read_chat_template(directory, config, out));
  return out;
}

PromptTokenizer words4_prompt_tokenizer() {
  PromptTokenizer out;
  out.tokenizer = make_words4();
  Result<ChatTemplate> chat_template = ChatTemplate::parse(kWords4Template);
  LLMD_CHECK(chat_template.ok());
  out.chat_template = std::move(chat_template).value();
  return out;
}

Result<std::string> PromptTokenizer::render(openai::ChatFields chat) const {
  if (!chat_template) {
    return invalid_argument("this model has no chat template; use /v1/completions");
  }
  nlohmann::ordered_json values = nlohmann::ordered_json::object();
  for (const auto& [name, text] : special_tokens) values[name] = text;
  if (chat.template_kwargs.is_object()) values.update(chat.template_kwargs);
  values["messages"] = std::move(chat.messages);
  if (!chat.tools.is_null()) values["tools"] = std::move(chat.tools);
  values["add_generation_prompt"] = chat.add_generation_prompt;
  return chat_template->render(values);
}

Tokens PromptTokenizer::encode_text(std::string_view text, bool add_special_tokens) const {
  return tokenizer->encode(text, add_special_tokens, cache.get());
}

Tokens PromptTokenizer::encode(const openai::Prompt& prompt, bool add_special_tokens) const {
  if (const auto* ids = std::get_if<Tokens>(&prompt)) return *ids;
  return encode_text(std::get<std::string>(prompt), add_special_tokens);
}

Result<Tokens> PromptTokenizer::encode(openai::ChatFields chat) const {
  const bool add_special_tokens = chat.add_special_tokens;
  LLMD_ASSIGN_OR_RETURN(const std::string text, render(std::move(chat)));
  return encode_text(text, add_special_tokens);
}

Result<Tokens> PromptTokenizer::encode(const openai::TokenizeRequest& request) const {
  if (request.prompt) return encode_text(*request.prompt, request.add_special_tokens);
  return encode(request.chat);
}

Result<std::vector<Tokens>> PromptTokenizer::encode(openai::PromptRequest request) const {
  std::vector<Tokens> out;
  for (const openai::Prompt& prompt : request.prompts) {
    out.push_back(encode(prompt, request.add_special_tokens));
  }
  if (!request.prompts.empty()) return out;
  LLMD_ASSIGN_OR_RETURN(auto chat, encode(std::move(request.chat)));
  out.push_back(std::move(chat));
  return out;
}

}  // namespace llmd::tokenize
