// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tokenize/decode_bytes.h"
#include "tokenize/tokenizer.h"

namespace llmd::tokenize {
namespace {

constexpr size_t kWordBytes = 4;

TokenId pack(std::string_view word) {
  TokenId id = 0;
  for (size_t i = 0; i < word.size(); ++i) {
    id |= TokenId{static_cast<uint8_t>(word[i])} << (8 * i);
  }
  return id;
}

std::string unpack(TokenId id) {
  std::string word;
  for (; id != 0; id >>= 8) word.push_back(static_cast<char>(id & 0xFF));
  return word;
}

class Words4 final : public Tokenizer {
 public:
  std::vector<TokenId> encode(std::string_view text, bool, EncodeCache*) const override {
    std::vector<TokenId> tokens;
    tokens.reserve(text.size() / kWordBytes + 1);
    for (; !text.empty(); text.remove_prefix(std::min(kWordBytes, text.size()))) {
      tokens.push_back(pack(text.substr(0, kWordBytes)));
    }
    return tokens;
  }

  void decode_next(DecodeState& state, TokenId token, bool, std::string& out) const override {
    decode_bytes(state, unpack(token), false, out);
  }

  size_t vocab_size() const override { return size_t{1} << 32; }
  std::optional<TokenId> token_to_id(std::string_view token) const override {
    if (token.size() > kWordBytes) return std::nullopt;
    return pack(token);
  }
  std::string id_to_token(TokenId id) const override { return unpack(id); }
  bool is_special(TokenId) const override { return false; }
};

}  // namespace

std::unique_ptr<Tokenizer> make_words4() { return std::make_unique<Words4>(); }

}  // namespace llmd::tokenize
