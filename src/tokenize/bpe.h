// SPDX-License-Identifier: Apache-2.0
// Byte-pair encoding of one word: of all neighbours that have a merge the one of lowest rank is
// merged, the leftmost first, until none is left (Sennrich, Haddow, Birch 2016).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenize/flat_map.h"
#include "tokenize/tokenizer.h"
#include "tokenize/word_table.h"

namespace llmd::tokenize {

/// Vocabulary and merges as a tokenizer file writes them.
struct BpeSource {
  std::vector<std::string_view> vocab;  ///< by id; empty where an id is unused
  std::vector<std::pair<std::string_view, std::string_view>> merges;  ///< in order of rank
  std::optional<std::string> unk_token;
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
  /// Words come as raw bytes that the vocabulary writes in the byte-level alphabet; otherwise they
  /// come as text in the vocabulary's own writing.
  bool raw_bytes = false;
};

/// Immutable; any thread.
class Bpe {
 public:
  /// Working memory that a caller keeps from word to word, so that no word allocates.
  struct Scratch {
    struct Symbol {
      TokenId id;
      uint32_t rank;  ///< of the merge with the next symbol; kNoMerge if there is none
      uint32_t next;
      uint32_t previous;
    };
    std::vector<Symbol> symbols;
    std::vector<uint64_t> heap;  ///< rank << 32 | place
  };

  /// Refuses merges whose parts or result the vocabulary lacks.
  static Result<Bpe> build(const BpeSource& source);

  /// Appends the tokens of `word` to `out`. O(n log n) in its length.
  void encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;

  std::optional<TokenId> token_to_id(std::string_view token) const { return ids_.find(token); }
  std::string_view id_to_token(TokenId id) const { return vocab_.at(id); }
  size_t size() const { return vocab_.size(); }

 private:
  struct Merge {
    uint32_t rank;
    TokenId id;
  };
  Bpe() = default;

  Result<void> add_merges(const BpeSource& source);
  void fill_byte_ids(const BpeSource& source);
  void find_whole_words(const BpeSource& source);
  void find_cut();
  void encode_part(std::string_view part, Scratch& scratch, std::vector<TokenId>& out) const;
  void split_bytes(std::string_view word, std::vector<Scratch::Symbol>& symbols) const;
  void split_characters(std::string_view word, std::vector<Scratch::Symbol>& symbols) const;
  bool fall_back_to_bytes(std::string_view character, std::vector<Scratch::Symbol>& symbols) const;
  void merge_short(Scratch& scratch) const;
  void merge_long(Scratch& scratch) const;
  void link(Scratch& scratch) const;
  uint32_t rank_after(const Scratch& scratch, uint32_t place) const;
  const Merge* merge_of(TokenId left, TokenId right) const {
    return merges_.find(uint64_t{left} << 32 | right);
  }

  TokenArena vocab_;
  TokenArena raw_vocab_;  ///< the same as bytes, where words come as bytes
  WordTable ids_;
  WordTable whole_words_;  ///< words that encode to one token
  FlatMap<Merge> merges_;
  std::array<std::optional<TokenId>, 256> byte_ids_;
  std::optional<TokenId> unk_;
  std::string cut_;  ///< no token holds this after another character: a word can be cut before it
  bool raw_bytes_ = false;
  bool fuse_unk_ = false;
  bool byte_fallback_ = false;
};

}  // namespace llmd::tokenize
