// SPDX-License-Identifier: Apache-2.0
// Generated tokens to the text that may be shown, up to a stop string.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenize/tokenizer.h"

namespace llmd::engine {

struct TextRules {
  std::vector<std::string> stop_strings;  ///< none empty
  bool include_stop_string = false;       ///< show the stop string itself too
  bool skip_special_tokens = true;
};

/// One sequence's text as it comes. Holds back no more than what may yet become a stop string, so
/// that no part of one is ever shown. One thread.
class TextOutput {
 public:
  /// `tokenizer` outlives it. `prompt_tail`: the tokens just before the first generated one.
  TextOutput(const tokenize::Tokenizer& tokenizer, TextRules rules,
             std::span<const tokenize::TokenId> prompt_tail);

  /// The text that can be shown now, valid until the next call. `may_stop` is false while the
  /// sequence has fewer than min_tokens: a stop string that is complete then does not count.
  std::string_view append(tokenize::TokenId token, bool may_stop);
  /// What was held back, at an end by token or length.
  std::string_view finish();
  /// The stop string that was found, or null. Nothing is to be appended after one.
  const std::string* stop_string() const { return stop_string_; }

 private:
  bool cut_at_stop_string(size_t new_bytes);
  size_t held_back() const;
  std::string_view show(size_t bytes);

  tokenize::StreamDecoder decoder_;
  TextRules rules_;
  std::string pending_;  ///< decoded, not yet shown
  std::string shown_;    ///< what the last call returned
  const std::string* stop_string_ = nullptr;
};

}  // namespace llmd::engine
