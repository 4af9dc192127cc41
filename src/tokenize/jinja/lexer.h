// SPDX-License-Identifier: Apache-2.0
// Jinja source to tokens, with trim_blocks and lstrip_blocks as transformers sets them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace llmd::tokenize::jinja {

struct Location {
  uint32_t line = 1;
  uint32_t column = 1;  ///< in bytes
};

/// An error that says where: "line 3, column 5: …".
Error fail(Location at, std::string_view message);
/// The same where `error` came from a value operation that does not know its place.
Error located(Location at, const Error& error);

enum class TokenKind : uint8_t {
  kText,        ///< between tags
  kPrintBegin,  ///< {{
  kPrintEnd,
  kBlockBegin,  ///< {%
  kBlockEnd,
  kName,
  kString,  ///< value is unescaped
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind;
  std::string value;
  Location at;
};

/// Ends in a kEnd token.
Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace llmd::tokenize::jinja
