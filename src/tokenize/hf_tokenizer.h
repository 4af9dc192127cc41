// SPDX-License-Identifier: Apache-2.0
// The tokenizer that a tokenizer.json describes.
#pragma once

#include "tokenize/added_tokens.h"
#include "tokenize/bpe.h"
#include "tokenize/decoder.h"
#include "tokenize/normalizer.h"
#include "tokenize/post_processor.h"
#include "tokenize/pre_tokenizer.h"
#include "tokenize/tokenizer.h"

namespace llmd::tokenize {

/// Text → added tokens cut out → normalizer → pre-tokenizer → BPE → post-processor.
class HfTokenizer final : public Tokenizer {
 public:
  struct Parts {
    Normalizer normalizer;
    PreTokenizer pre_tokenizer;
    Bpe model;
    std::vector<AddedToken> added;
    PostProcessor post_processor;
    Decoder decoder;
  };
  explicit HfTokenizer(Parts parts);

  using Tokenizer::encode;
  std::vector<TokenId> encode(std::string_view text, bool add_special_tokens,
                              EncodeCache* cache) const override;
  void decode_next(DecodeState& state, TokenId token, bool skip_special_tokens,
                   std::string& out) const override;
  size_t vocab_size() const override { return texts_.size(); }
  std::optional<TokenId> token_to_id(std::string_view token) const override;
  std::string id_to_token(TokenId id) const override { return std::string(texts_.at(id)); }
  bool is_special(TokenId id) const override;

 private:
  struct Work;
  void collect_texts();
  void work_out_pieces();
  void encode_piece(std::string_view text, bool at_start, EncodeCache* cache, Work& work) const;
  void encode_text(std::string_view text, bool at_start, Work& work) const;
  void encode_words(std::string_view text, bool at_start, Work& work) const;

  Parts parts_;
  AddedTokenFinder raw_finder_;
  AddedTokenFinder normalized_finder_;
  TokenArena texts_;   ///< by id, added tokens included
  TokenArena pieces_;  ///< by id: the bytes that a token which is not the first stands for
  std::vector<bool> special_;
  std::vector<bool> fallback_;
};

}  // namespace llmd::tokenize
