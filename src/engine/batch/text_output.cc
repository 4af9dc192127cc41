// SPDX-License-Identifier: Apache-2.0
#include "engine/batch/text_output.h"

#include <algorithm>

namespace llmd::engine {

TextOutput::TextOutput(const tokenize::Tokenizer& tokenizer, TextRules rules,
                       std::span<const tokenize::TokenId> prompt_tail)
    : decoder_(tokenizer, rules.skip_special_tokens), rules_(std::move(rules)) {
  decoder_.prime(prompt_tail);
}

std::string_view TextOutput::append(tokenize::TokenId token, bool may_stop) {
  const size_t before = pending_.size();
  decoder_.append_to(pending_, token);
  const size_t added = pending_.size() - before;
  if (may_stop && added > 0 && cut_at_stop_string(added)) return show(pending_.size());
  return show(pending_.size() - held_back());
}

std::string_view TextOutput::finish() {
  pending_ += decoder_.finish();
  return show(pending_.size());
}

/// Looks for the stop string that begins first among those that end in the newest bytes.
bool TextOutput::cut_at_stop_string(size_t new_bytes) {
  const size_t old_bytes = pending_.size() - new_bytes;
  size_t best = std::string::npos;
  for (const std::string& stop : rules_.stop_strings) {
    const size_t from = old_bytes + 1 > stop.size() ? old_bytes + 1 - stop.size() : 0;
    const size_t at = pending_.find(stop, from);
    if (at >= best) continue;
    best = at;
    stop_string_ = &stop;
  }
  if (stop_string_ == nullptr) return false;
  pending_.resize(best + (rules_.include_stop_string ? stop_string_->size() : 0));
  return true;
}

/// The longest end of the pending text that a stop string begins with.
size_t TextOutput::held_back() const {
  size_t longest = 0;
  for (const std::string& stop : rules_.stop_strings) {
    for (size_t n = std::min(stop.size() - 1, pending_.size()); n > longest; --n) {
      if (pending_.ends_with(std::string_view(stop).substr(0, n))) longest = n;
    }
  }
  return longest;
}

std::string_view TextOutput::show(size_t bytes) {
  shown_.assign(pending_, 0, bytes);
  pending_.erase(0, bytes);
  return shown_;
}

}  // namespace llmd::engine
