// SPDX-License-Identifier: Apache-2.0
#include "openai/json_cursor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>

#include "openai/request_scan.h"
#include "openai/special_bytes.h"

namespace llmd::openai {
namespace {

/// Masks that are computed at a time: few enough to stay in the first-level cache.
constexpr size_t kMasksMax = 32;

constexpr auto kPlainEscapes = [] {
  std::array<bool, 256> table{};
  for (const char kind : {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'}) {
    table[static_cast<unsigned char>(kind)] = true;
  }
  return table;
}();

bool is_plain_escape(char kind) { return kPlainEscapes[static_cast<unsigned char>(kind)]; }

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
    return is_plain_escape(kind) || fail("an unknown escape");
  }
  unsigned code = 0;
  if (!hex4(code)) return false;
  if (is_low_surrogate(code)) return fail("a lone surrogate");
  if (!is_high_surrogate(code)) return true;
  if (!take('\\') || !take('u')) return fail("a lone surrogate");
  if (!hex4(code)) return false;
  return is_low_surrogate(code) || fail("a lone surrogate");
}

/// What the special byte at `at_` means: nothing to decide yet, or the string's end, or its fault.
JsonCursor::StringStep JsonCursor::special(bool& escaped) {
  const char c = text_[at_];
  if (c == '"') {
    ++at_;
    return StringStep::kEnd;
  }
  if (c != '\\') {
    fail("a control character in a string");
    return StringStep::kFault;
  }
  ++at_;
  escaped = true;
  return escape() ? StringStep::kOn : StringStep::kFault;
}

/// Walks the set bits of the block that begins at `block`; at_ is at or behind its first byte.
JsonCursor::StringStep JsonCursor::block(size_t block, uint64_t mask, bool& escaped) {
  if (at_ > block) mask &= ~uint64_t{0} << (at_ - block);  // the end of an escape lies in it
  while (mask != 0) {
    const int offset = std::countr_zero(mask);
    at_ = block + static_cast<size_t>(offset);
    const bool is_escape = text_[at_] == '\\' && at_ + 1 < text_.size();
    if (is_escape && is_plain_escape(text_[at_ + 1])) {  // nearly all
      escaped = true;
      at_ += 2;
      mask &= ~(uint64_t{3} << offset);
      continue;
    }
    if (const StringStep step = special(escaped); step != StringStep::kOn) return step;
    mask = at_ < block + kMaskBytes ? mask & (~uint64_t{0} << (at_ - block)) : 0;
  }
  at_ = std::max(at_, block + kMaskBytes);
  return StringStep::kOn;
}

bool JsonCursor::string(bool& escaped) {
  if (!take('"')) return fail("expected a string");
  std::array<uint64_t, kMasksMax> masks;
  // Most strings are keys, over within the first block; long ones soon take whole batches.
  for (size_t batch = 1; text_.size() - at_ >= kMaskBytes; batch = std::min(batch * 4, kMasksMax)) {
    const size_t begin = at_;
    const size_t count = std::min((text_.size() - begin) / kMaskBytes, batch);
    special_masks(text_.data() + begin, count, masks.data());
    for (size_t i = 0; i < count; ++i) {
      const size_t start = begin + i * kMaskBytes;
      if (at_ >= start + kMaskBytes) continue;
      const StringStep step = block(start, masks[i], escaped);
      if (step != StringStep::kOn) return step == StringStep::kEnd;
    }
  }
  while (!at_end()) {
    if (!is_special(text_[at_])) {
      ++at_;
    } else if (const StringStep step = special(escaped); step != StringStep::kOn) {
      return step == StringStep::kEnd;
    }
  }
  return fail("an unterminated string");
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
