// SPDX-License-Identifier: Apache-2.0
#include "tokenize/decode_bytes.h"
#include "tokenize/tokenizer.h"

namespace llmd::tokenize {

std::string Tokenizer::decode(std::span<const TokenId> tokens, bool skip_special_tokens) const {
  std::string text;
  DecodeState state;
  for (TokenId token : tokens) decode_next(state, token, skip_special_tokens, text);
  decode_end(state, text);
  return text;
}

void Tokenizer::decode_end(DecodeState& state, std::string& out) const {
  flush_pending(state, out);
  state = {};
}

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens)
    : tokenizer_(&tokenizer), skip_special_tokens_(skip_special_tokens) {}

void StreamDecoder::prime(std::span<const TokenId> context) {
  std::string seen_already;
  for (TokenId token : context) {
    seen_already.clear();
    append_to(seen_already, token);
  }
}

std::string StreamDecoder::append(TokenId token) {
  std::string text;
  append_to(text, token);
  return text;
}

void StreamDecoder::append_to(std::string& out, TokenId token) {
  tokenizer_->decode_next(state_, token, skip_special_tokens_, out);
}

std::string StreamDecoder::finish() {
  std::string text;
  tokenizer_->decode_end(state_, text);
  return text;
}

}  // namespace llmd::tokenize
