// SPDX-License-Identifier: Apache-2.0
#include "tokenize/token_answers.h"

#include "openai/json_writer.h"

namespace llmd::tokenize {

std::string tokenize_answer(const Tokenizer& tokenizer, std::span<const TokenId> tokens,
                            bool with_strings, int64_t max_model_len) {
  std::string out;
  openai::JsonWriter json(out);
  json.begin_object().key("count").number(static_cast<int64_t>(tokens.size()));
  json.key("max_model_len").number(max_model_len);
  json.key("tokens").numbers(tokens).key("token_strs");
  if (with_strings) {
    json.begin_array();
    for (const TokenId id : tokens) json.string(tokenizer.id_to_token(id));
    json.end_array();
  } else {
    json.null();
  }
  json.end_object();
  return out;
}

std::string detokenize_answer(const Tokenizer& tokenizer, std::span<const TokenId> tokens) {
  std::string out;
  openai::JsonWriter json(out);
  json.begin_object().key("prompt");
  json.string(tokenizer.decode(tokens, /*skip_special_tokens=*/false));
  json.end_object();
  return out;
}

}  // namespace llmd::tokenize
