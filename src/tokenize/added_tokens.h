// SPDX-License-Identifier: Apache-2.0
// Added tokens ("<|im_start|>" and the like): found in a text before it is cut into words.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenize/flat_map.h"
#include "tokenize/tokenizer.h"

namespace llmd::tokenize {

struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool special = false;
  bool normalized = false;   ///< is looked for in normalized text
  bool lstrip = false;       ///< takes in the white space before it
  bool rstrip = false;       ///< takes in the white space after it
  bool single_word = false;  ///< counts only where no word character touches it
};

/// A stretch of text, or one added token in it.
struct TextSegment {
  size_t begin = 0;
  size_t end = 0;
  std::optional<TokenId> token;
};

/// Finds the longest added token at the leftmost place, again and again. Immutable; any thread.
class AddedTokenFinder {
 public:
  /// `tokens` with their content as it is to be looked for.
  explicit AddedTokenFinder(std::vector<AddedToken> tokens = {});

  /// Cuts `text` into segments, none of them empty.
  std::vector<TextSegment> split(std::string_view text) const;
  bool empty() const { return tokens_.empty(); }

 private:
  const AddedToken* longest_at(std::string_view text) const;
  size_t find_begin(std::string_view text, size_t at) const;

  std::vector<AddedToken> tokens_;
  std::array<bool, 256> begins_{};
  std::string begin_bytes_;         ///< those of begins_; mostly one, which is found faster
  FlatMap<uint32_t> edges_;         ///< node << 8 | byte → node
  std::vector<uint32_t> token_at_;  ///< by node: place in tokens_, or none
};

}  // namespace llmd::tokenize
