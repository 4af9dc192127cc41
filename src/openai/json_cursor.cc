// SPDX-License-Identifier: Apache-2.0
#include "openai/json_cursor.h"

#include <charconv>
#include <cstdint>

#include "openai/request_scan.h"

namespace llmd::openai {
namespace {

constexpr size_t kChunk = 32;

bool is_special(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

/// Whether any of kChunk bytes ends a plain run. Written so that compilers vectorize it.
bool chunk_has_special(const char* bytes) {
  unsigned char any = 0;
  for (size_t i = 0; i < kChunk; ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    any |= static_cast<unsigned char>((c == '"') | (c == '\\') | (c < 0x20));
  }
  return any != 0;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_high_surrogate(unsigned code) { return code >= 0xd800 && code <= 0xdbff; }
bool is_low_surrogate(unsigned code) { return code >= 0xdc00 && code <= 0xdfff; }

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

unsigned parse_hex4(std::string_view text) {
  unsigned code = 0;
  std::from_chars(text.data(), text.data() + 4, code, 16);
  return code;
}

char plain_escape(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

}  // namespace

bool JsonCursor::fail(const char* what) {
  error_ = what;
  return false;
}

void JsonCursor::skip_space() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++at_;
  }
}

bool JsonCursor::take(char c) {
  if (at_end() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool JsonCursor::hex4(unsigned& code) {
  if (text_.size() - at_ < 4) return fail("a truncated \\u escape");
  for (size_t i = 0; i < 4; ++i) {
    const char c = text_[at_ + i];
    const bool is_hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!is_hex) return fail("a \\u escape without four hexadecimal digits");
  }
  code = parse_hex4(text_.substr(at_));
  at_ += 4;
  return true;
}

bool JsonCursor::escape() {
  if (at_end()) return fail("an unterminated string");
  const char kind = text_[at_++];
  if (kind != 'u') {
    const bool known = std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos;
    return known || fail("an unknown escape");
  }
  unsigned code = 0;
  if (!hex4(code)) return false;
  if (is_low_surrogate(code)) return fail("a lone surrogate");
  if (!is_high_surrogate(code)) return true;
  if (!take('\\') || !take('u')) return fail("a lone surrogate");
  if (!hex4(code)) return false;
  return is_low_surrogate(code) || fail("a lone surrogate");
}

bool JsonCursor::string(bool& escaped) {
  if (!take('"')) return fail("expected a string");
  while (true) {
    while (text_.size() - at_ >= kChunk && !chunk_has_special(text_.data() + at_)) at_ += kChunk;
    while (at_ < text_.size() && !is_special(text_[at_])) ++at_;
    if (at_end()) return fail("an unterminated string");
    const char c = text_[at_];
    if (c != '"' && c != '\\') return fail("a control character in a string");
    ++at_;
    if (c == '"') return true;
    escaped = true;
    if (!escape()) return false;
  }
}

bool JsonCursor::digits() {
  if (!is_digit(peek())) return fail("expected a digit");
  while (is_digit(peek())) ++at_;
  return true;
}

bool JsonCursor::number() {
  take('-');
  if (!take('0') && !digits()) return false;
  if (take('.') && !digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    return digits();
  }
  return true;
}

bool JsonCursor::literal(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) return fail("expected a value");
  at_ += word.size();
  return true;
}

bool JsonCursor::array(int depth) {
  ++at_;
  skip_space();
  if (take(']')) return true;
  while (true) {
    if (!value(depth + 1)) return false;
    skip_space();
    if (take(']')) return true;
    if (!take(',')) return fail("expected , or ]");
    skip_space();
  }
}

bool JsonCursor::object(int depth) {
  ++at_;
  skip_space();
  if (take('}')) return true;
  bool escaped = false;
  while (true) {
    if (!string(escaped)) return false;
    skip_space();
    if (!take(':')) return fail("expected :");
    skip_space();
    if (!value(depth + 1)) return false;
    skip_space();
    if (take('}')) return true;
    if (!take(',')) return fail("expected , or }");
    skip_space();
  }
}

bool JsonCursor::value(int depth) {
  bool escaped = false;
  const char c = peek();
  if ((c == '{' || c == '[') && depth >= kJsonDepthMax) return fail("nested too deeply");
  switch (c) {
    case '"':
      return string(escaped);
    case '{':
      return object(depth);
    case '[':
      return array(depth);
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return c == '-' || is_digit(c) ? number() : fail("expected a value");
  }
}

std::string unescape_json(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out += raw[i];
      continue;
    }
    if (raw[++i] != 'u') {
      out += plain_escape(raw[i]);
      continue;
    }
    unsigned code = parse_hex4(raw.substr(i + 1));
    i += 4;
    if (is_high_surrogate(code)) {
      code = 0x10000 + ((code - 0xd800) << 10) + (parse_hex4(raw.substr(i + 3)) - 0xdc00);
      i += 6;
    }
    append_utf8(out, code);
  }
  return out;
}

}  // namespace llmd::openai
