// SPDX-License-Identifier: Apache-2.0
// A strict forward reader over JSON text that builds nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace llmd::openai {

/// Each function consumes what it names and returns false at the first violation of RFC 8259; then
/// error() and position() say what and where. UTF-8 is the caller's to check.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : text_(text) {}

  size_t position() const { return at_; }
  const char* error() const { return error_; }
  bool at_end() const { return at_ == text_.size(); }
  /// The next byte, or NUL at the end.
  char peek() const { return at_end() ? '\0' : text_[at_]; }

  void skip_space();
  /// Consumes `c` if it is next.
  bool take(char c);
  /// A string with its quotes. `escaped` tells whether it holds backslashes.
  bool string(bool& escaped);
  bool number();
  /// Any value; `depth` is how many containers enclose it.
  bool value(int depth);
  bool fail(const char* what);

 private:
  enum class StringStep : uint8_t { kOn, kEnd, kFault };

  StringStep special(bool& escaped);
  StringStep block(size_t block, uint64_t mask, bool& escaped);
  bool literal(std::string_view word);
  bool escape();
  bool hex4(unsigned& code);
  bool digits();
  bool array(int depth);
  bool object(int depth);

  std::string_view text_;
  size_t at_ = 0;
  const char* error_ = "";
};

/// The text of a string that JsonCursor::string() accepted, given without its quotes.
std::string unescape_json(std::string_view raw);

}  // namespace llmd::openai
