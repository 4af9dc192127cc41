// SPDX-License-Identifier: Apache-2.0
// UTF-8: one code point at a time, and the replacement of what is not UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace llmd::tokenize {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// One step through a text. `length` is at least 1 unless the text is empty.
struct Utf8Step {
  char32_t code_point = 0xFFFD;
  uint8_t length = 0;       ///< bytes to move on; for bad input the maximal subpart (Unicode 3.9)
  bool valid = false;       ///< the bytes are one whole character
  bool incomplete = false;  ///< not valid, but more bytes could make it so
};

/// Reads the character at the start of `text`. Refuses overlong forms, surrogates and what lies
/// beyond U+10FFFF.
Utf8Step utf8_step(std::string_view text);

/// For text known to be valid and not empty.
char32_t utf8_first(std::string_view text);
size_t utf8_length(char lead);
/// Start of the last character of valid text that is not empty.
size_t utf8_last_start(std::string_view text);

void append_utf8(std::string& out, char32_t code_point);
bool is_utf8(std::string_view text);
/// `text` with every maximal bad subpart replaced by U+FFFD, as WHATWG's decoder does.
void append_lossy(std::string& out, std::string_view text);

/// Unicode's White_Space property.
bool is_white_space(char32_t c);
/// Alphabetic, mark, decimal digit, connector punctuation or joiner: the `\w` of UTS 18.
bool is_word_character(char32_t c);

}  // namespace llmd::tokenize
