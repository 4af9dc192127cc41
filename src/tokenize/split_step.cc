// SPDX-License-Identifier: Apache-2.0
#include "tokenize/split_step.h"

namespace llmd::tokenize {
namespace {

/// Whether a part is glued to the part before it, by HF tokenizers' rules.
bool joins_previous(SplitBehavior behavior, bool is_match, bool was_match) {
  if (behavior == SplitBehavior::kContiguous) return is_match == was_match;
  return behavior == SplitBehavior::kMergedWithPrevious && is_match && !was_match;
}

}  // namespace

Result<SplitBehavior> parse_split_behavior(std::string_view name) {
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return unknown_type("Split behavior", name);
}

void SplitStep::apply(Words& words) const {
  std::vector<Words::Span> out;
  out.reserve(words.spans.size() + words.text.size() / 4);
  if (behavior_ == SplitBehavior::kIsolated) {
    isolate(words, out);
  } else {
    std::vector<Part> parts;
    for (Words::Span word : words.spans) {
      parts.clear();
      find_parts(words, word, parts);
      join_parts(parts, out);
    }
  }
  words.spans = std::move(out);
}

/// The common case, without the list of parts between.
void SplitStep::isolate(const Words& words, std::vector<Words::Span>& out) const {
  for (Words::Span word : words.spans) {
    const std::string_view text = words.text.substr(0, word.end).substr(word.begin);
    size_t done = 0;
    while (done < text.size()) {
      const auto match = pattern_.find(text, done);
      const size_t gap_end = match ? match->begin : text.size();
      if (gap_end > done) out.push_back({word.begin + done, word.begin + gap_end});
      if (match) out.push_back({word.begin + match->begin, word.begin + match->end});
      done = match ? match->end : text.size();
    }
  }
}

void SplitStep::find_parts(const Words& words, Words::Span word, std::vector<Part>& parts) const {
  const std::string_view text = words.text.substr(word.begin, word.end - word.begin);
  const auto add = [&](size_t begin, size_t end, bool is_match) {
    if (begin < end) {
      parts.push_back({{word.begin + begin, word.begin + end}, is_match != invert_});
    }
  };
  size_t done = 0;
  while (const auto match = pattern_.find(text, done)) {
    add(done, match->begin, false);
    add(match->begin, match->end, true);
    done = match->end;
  }
  add(done, text.size(), false);
}

void SplitStep::join_parts(const std::vector<Part>& parts, std::vector<Words::Span>& out) const {
  const size_t first = out.size();
  for (size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    const bool was_match = i > 0 && parts[i - 1].is_match;
    const bool next_takes_it =
        behavior_ == SplitBehavior::kMergedWithNext && i > 0 && was_match && !part.is_match;
    if (behavior_ == SplitBehavior::kRemoved && part.is_match) continue;
    if (next_takes_it ||
        (out.size() > first && joins_previous(behavior_, part.is_match, was_match))) {
      out.back().end = part.span.end;
    } else {
      out.push_back(part.span);
    }
  }
}

}  // namespace llmd::tokenize
