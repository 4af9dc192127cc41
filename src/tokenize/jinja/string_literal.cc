// SPDX-License-Identifier: Apache-2.0
#include "tokenize/jinja/string_literal.h"

#include <charconv>
#include <cstdint>

#include "tokenize/utf8.h"

namespace llmd::tokenize::jinja {
namespace {

constexpr char32_t kCodePointMax = 0x10FFFF;

size_t hex_digits_of(char escape) {
  if (escape == 'x') return 2;
  if (escape == 'u') return 4;
  return escape == 'U' ? 8 : 0;
}

/// Reads \xNN, \uNNNN or \UNNNNNNNN behind the backslash; moves `body` on if it is one.
bool take_numeric_escape(std::string_view& body, char32_t& code_point) {
  const size_t digits = hex_digits_of(body[0]);
  if (digits == 0 || body.size() <= digits) return false;
  uint32_t number = 0;
  const char* end = body.data() + 1 + digits;
  if (std::from_chars(body.data() + 1, end, number, 16).ptr != end) return false;
  if (number > kCodePointMax) return false;
  code_point = number;
  body.remove_prefix(1 + digits);
  return true;
}

bool is_high_surrogate(char32_t c) { return c >= 0xD800 && c < 0xDC00; }
bool is_low_surrogate(char32_t c) { return c >= 0xDC00 && c < 0xE000; }

/// A pair of surrogates written as two escapes is one character; one alone cannot be UTF-8.
void append_code_point(std::string& out, std::string_view& body, char32_t code_point) {
  char32_t low = 0;
  std::string_view ahead = body;
  if (is_high_surrogate(code_point) && ahead.starts_with('\\') && ahead.size() > 1) {
    ahead.remove_prefix(1);
    if (take_numeric_escape(ahead, low) && is_low_surrogate(low)) {
      body = ahead;
      append_utf8(out, 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00));
      return;
    }
  }
  if (is_high_surrogate(code_point) || is_low_surrogate(code_point)) {
    out += kReplacementCharacter;
  } else {
    append_utf8(out, code_point);
  }
}

}  // namespace

std::string unescape(std::string_view body) {
  constexpr std::string_view kEscapes = "\\'\"abfnrtv\n";
  constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  std::string out;
  while (!body.empty()) {
    const char c = body[0];
    body.remove_prefix(1);
    if (c != '\\' || body.empty()) {
      out.push_back(c);
      continue;
    }
    char32_t code_point = 0;
    if (take_numeric_escape(body, code_point)) {
      append_code_point(out, body, code_point);
      continue;
    }
    const size_t at = kEscapes.find(body[0]);
    if (at == std::string_view::npos) {
      out.push_back(c);
      continue;
    }
    if (at < kMeanings.size()) out.push_back(kMeanings[at]);  // an escaped line end is nothing
    body.remove_prefix(1);
  }
  return out;
}

bool is_python_space(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

}  // namespace llmd::tokenize::jinja
