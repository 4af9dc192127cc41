// SPDX-License-Identifier: Apache-2.0
// From what a request asks with to token ids, the same for engine and gateway.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "openai/request_types.h"
#include "tokenize/chat_template.h"
#include "tokenize/encode_cache.h"
#include "tokenize/tokenizer.h"

namespace llmd::openai {
struct ChatFields;
struct PromptRequest;
struct TokenizeRequest;
}  // namespace llmd::openai

namespace llmd::tokenize {

using Tokens = std::vector<TokenId>;

/// Stands for the words4 tokenizer where a model directory is named.
inline constexpr std::string_view kWords4 = "words4";

/// Immutable once made; any thread.
struct PromptTokenizer {
  std::unique_ptr<Tokenizer> tokenizer;
  std::optional<ChatTemplate> chat_template;
  /// Names that templates know, such as bos_token, and their texts.
  std::vector<std::pair<std::string, std::string>> special_tokens;
  std::vector<std::string> warnings;   ///< what the directory asks for and is not done
  std::unique_ptr<EncodeCache> cache;  ///< of texts encoded before; null: none

  /// The messages through the model's chat template.
  Result<std::string> render(openai::ChatFields chat) const;
  Tokens encode_text(std::string_view text, bool add_special_tokens) const;
  Tokens encode(const openai::Prompt& prompt, bool add_special_tokens) const;
  Result<Tokens> encode(openai::ChatFields chat) const;
  Result<Tokens> encode(const openai::TokenizeRequest& request) const;
  /// Of each of its prompts.
  Result<std::vector<Tokens>> encode(openai::PromptRequest request) const;
};

/// Reads tokenizer.json, tokenizer_config.json and chat_template.jinja of `directory`; only the
/// first must exist. Errors name the file.
Result<PromptTokenizer> load_prompt_tokenizer(const std::string& directory);

/// make_words4() with a template by which a chat is, byte for byte, `ROLE: CONTENT\n` for each
/// message (after `TOOLS\n`, as JSON, if there are any), then `assistant: `. So a client can build
/// a prompt of exactly N tokens: 4 N bytes of this text.
PromptTokenizer words4_prompt_tokenizer();

}  // namespace llmd::tokenize
