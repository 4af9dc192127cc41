// SPDX-License-Identifier: Apache-2.0
// What a tokenizer file searches for: {"String": …} or {"Regex": …}.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tokenize/json_field.h"
#include "tokenize/regex.h"

namespace llmd::tokenize {

class Pattern {
 public:
  static Pattern literal(std::string_view text);
  static Result<Pattern> regex(std::string_view source);
  /// Reads `step`'s "pattern" field.
  static Result<Pattern> parse(Json step, std::string_view where);

  /// The first match, never an empty one, at or after `from`.
  std::optional<Match> find(std::string_view text, size_t from) const;
  /// Appends `text` with every match replaced; returns whether there was one.
  bool replace_all(std::string_view text, std::string_view with, std::string& out) const;

 private:
  Pattern() = default;
  std::string literal_;  ///< looked for where there is no regex
  std::optional<Regex> regex_;
};

}  // namespace llmd::tokenize
