// SPDX-License-Identifier: Apache-2.0
// Text of an exact number of tokens.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bench/workload/request.h"
#include "tokenize/tokenizer.h"

namespace llmd::bench {

/// Immutable; any thread.
class TokenText {
 public:
  virtual ~TokenText() = default;
  /// Appends the piece's text: plain ASCII that JSON need not escape. Pieces one after the other
  /// have as many tokens as they have together.
  virtual void append(std::string& out, const Piece& piece) const = 0;
};

/// For the `words4` tokenizer: four letters a token.
std::unique_ptr<TokenText> make_words4_text();

/// For any other: words that are one token each, after a space and at a text's begin.
std::unique_ptr<TokenText> make_word_text(std::vector<std::string> words);

/// Words from the tokenizer's vocabulary that stay one token in any company; an error if there are
/// too few for text that does not repeat itself.
Result<std::vector<std::string>> single_token_words(const tokenize::Tokenizer& tokenizer);

/// Common English words that many vocabularies hold, to try where only counts can be asked for.
const std::vector<std::string>& common_words();

inline constexpr size_t kWordsMin = 32;

}  // namespace llmd::bench
