// SPDX-License-Identifier: Apache-2.0
// Values as text, as Python writes them: str(), repr(), json.dumps().
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tokenize/jinja/value.h"

namespace llmd::tokenize::jinja {

/// Python's str(): nothing for undefined, True, None, 1.0, ['a'].
std::string to_string(const Value& value);
void append_string(std::string& out, const Value& value);
std::string repr(const Value& value);

/// json.dumps() with transformers' settings: non-ASCII as it is, no HTML escapes.
struct JsonStyle {
  std::optional<std::string> indent;  ///< of one level; on one line without
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
  bool ensure_ascii = false;
};
Result<std::string> to_json(const Value& value, const JsonStyle& style);

}  // namespace llmd::tokenize::jinja
