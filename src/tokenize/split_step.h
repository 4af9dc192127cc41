// SPDX-License-Identifier: Apache-2.0
// Cutting words at the matches of a pattern, the step most pre-tokenizers come down to.
#pragma once

#include "tokenize/pattern.h"
#include "tokenize/pre_tokenizer.h"

namespace llmd::tokenize {

/// What becomes of a match.
enum class SplitBehavior : uint8_t {
  kRemoved,             ///< dropped
  kIsolated,            ///< a word of its own
  kMergedWithPrevious,  ///< the end of the word before it
  kMergedWithNext,      ///< the begin of the word after it
  kContiguous,          ///< one word with the matches that follow it at once
};

class SplitStep final : public PreTokenizer::Step {
 public:
  /// `invert`: what lies between the matches counts as the match.
  SplitStep(Pattern pattern, SplitBehavior behavior, bool invert = false)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void apply(Words& words) const override;

 private:
  struct Part {
    Words::Span span;
    bool is_match;
  };
  void isolate(const Words& words, std::vector<Words::Span>& out) const;
  void find_parts(const Words& words, Words::Span word, std::vector<Part>& parts) const;
  void join_parts(const std::vector<Part>& parts, std::vector<Words::Span>& out) const;

  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

Result<SplitBehavior> parse_split_behavior(std::string_view name);

}  // namespace llmd::tokenize
