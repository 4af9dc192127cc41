// SPDX-License-Identifier: Apache-2.0
#include "tokenize/pattern.h"

#include <fmt/core.h>

namespace llmd::tokenize {

Pattern Pattern::literal(std::string_view text) {
  Pattern pattern;
  pattern.literal_ = text;
  return pattern;
}

Result<Pattern> Pattern::regex(std::string_view source) {
  LLMD_ASSIGN_OR_RETURN(Regex compiled, Regex::compile(source));
  Pattern pattern;
  pattern.regex_.emplace(std::move(compiled));
  return pattern;
}

Result<Pattern> Pattern::parse(Json step, std::string_view where) {
  const auto pattern = field(step, "pattern");
  if (pattern) {
    std::string_view text;
    if (pattern->get(text) == simdjson::SUCCESS) return literal(text);
    if (const auto string = text_field(*pattern, "String", where)) {
      return literal(*string);
    }
    if (const auto source = text_field(*pattern, "Regex", where)) return regex(*source);
  }
  return invalid_argument(
      fmt::format("tokenizer.json: {}: \"pattern\" must hold a String or a Regex", where));
}

std::optional<Match> Pattern::find(std::string_view text, size_t from) const {
  if (regex_) return regex_->find(text, from);
  const size_t at = literal_.empty() ? std::string_view::npos : text.find(literal_, from);
  if (at == std::string_view::npos) return std::nullopt;
  return Match{at, at + literal_.size()};
}

bool Pattern::replace_all(std::string_view text, std::string_view with, std::string& out) const {
  size_t done = 0;
  bool found = false;
  while (const auto match = find(text, done)) {
    found = true;
    out.append(text, done, match->begin - done).append(with);
    done = match->end;
  }
  out.append(text, done);
  return found;
}

}  // namespace llmd::tokenize
