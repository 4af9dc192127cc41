// SPDX-License-Identifier: Apache-2.0
#include "tokenize/jinja/lexer.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "tokenize/jinja/string_literal.h"
#include "tokenize/utf8.h"

namespace llmd::tokenize::jinja {
namespace {

constexpr size_t kSourceBytesMax = 1024 * 1024;
constexpr std::string_view kAsciiSpace = " \t\n\r\f\v";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

/// Line ends become \n, and one at the very end goes, as keep_trailing_newline=False has it.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') continue;
      out.push_back('\n');
    } else {
      out.push_back(source[i]);
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_newlines(source)) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) LLMD_RETURN_IF_ERROR(next_tag());
    add(TokenKind::kEnd, "", source_.size());
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(source_).substr(at_); }

  Location location(size_t offset) {
    if (offset < line_begin_) {  // an error that points back: count again
      located_ = line_begin_ = 0;
      line_ = 1;
    }
    for (; located_ < offset; ++located_) {
      if (source_[located_] == '\n') {
        ++line_;
        line_begin_ = located_ + 1;
      }
    }
    return {line_, static_cast<uint32_t>(offset - line_begin_ + 1)};
  }

  void add(TokenKind kind, std::string value, size_t offset) {
    tokens_.push_back({kind, std::move(value), location(offset)});
  }

  Error error(size_t offset, std::string_view message) { return fail(location(offset), message); }

  size_t find_tag() const {
    for (size_t i = at_; i + 1 < source_.size(); ++i) {
      const char next = source_[i + 1];
      if (source_[i] == '{' && (next == '{' || next == '%' || next == '#')) return i;
    }
    return source_.size();
  }

  /// The text up to a tag: a '-' in the tag strips the white space before it, and a block or
  /// comment that stands first on its line takes its indentation along.
  void add_text(size_t end, char tag, char sign) {
    std::string_view text = std::string_view(source_).substr(at_, end - at_);
    if (sign == '-') {
      while (!text.empty() && is_python_space(utf8_first(text.substr(utf8_last_start(text))))) {
        text = text.substr(0, utf8_last_start(text));
      }
    } else if (sign != '+' && tag != '{' && tag != 0) {
      const size_t line = text.rfind('\n') + 1;  // 0 where there is none
      const bool on_line_start = line > 0 || at_ == 0 || source_[at_ - 1] == '\n';
      const std::string_view indent = text.substr(line);
      if (on_line_start && indent.find_first_not_of(kAsciiSpace) == std::string_view::npos) {
        text = text.substr(0, line);
      }
    }
    if (!text.empty()) add(TokenKind::kText, std::string(text), at_);
  }

  Result<void> next_tag() {
    const size_t begin = find_tag();
    if (begin == source_.size()) {
      add_text(begin, 0, 0);
      at_ = begin;
      return {};
    }
    const char tag = source_[begin + 1];
    size_t inside = begin + 2;
    char sign = 0;
    if (inside < source_.size() && (source_[inside] == '-' || source_[inside] == '+')) {
      sign = source_[inside++];
    }
    add_text(begin, tag, sign);
    at_ = inside;
    if (tag == '#') return skip_comment(begin);
    if (tag == '%' && at_raw()) return lex_raw(begin);
    add(tag == '{' ? TokenKind::kPrintBegin : TokenKind::kBlockBegin, "", begin);
    return lex_inside(begin, tag == '{' ? '}' : '%');
  }

  /// After a tag: '-' strips all white space, otherwise a newline goes with a block or comment.
  void after_tag(char sign, bool trims_newline) {
    if (sign == '-') {
      while (at_ < source_.size() && is_python_space(utf8_first(rest()))) {
        at_ += utf8_length(source_[at_]);
      }
    } else if (sign != '+' && trims_newline && at_ < source_.size() && source_[at_] == '\n') {
      ++at_;
    }
  }

  Result<void> skip_comment(size_t begin) {
    const size_t end = source_.find("#}", at_);
    if (end == std::string::npos) return error(begin, "comment is not closed by #}");
    const char sign = end > at_ ? source_[end - 1] : '\0';
    at_ = end + 2;
    after_tag(sign, true);
    return {};
  }

  /// Moves over `{%- word -%}` behind its first sign; `sign` is the one before its end.
  bool match_word_tag(size_t& at, std::string_view word, char& sign) const {
    const auto skip_space = [&] {
      at = std::min(source_.find_first_not_of(kAsciiSpace, at), source_.size());
    };
    skip_space();
    if (source_.compare(at, word.size(), word) != 0) return false;
    at += word.size();
    skip_space();
    sign = at < source_.size() ? source_[at] : '\0';
    if (sign == '-' || sign == '+') ++at;
    if (source_.compare(at, 2, "%}") != 0) return false;
    at += 2;
    return true;
  }

  bool at_raw() const {
    size_t at = at_;
    char sign = 0;
    return match_word_tag(at, "raw", sign);
  }

  Result<void> lex_raw(size_t begin) {
    char sign = 0;
    match_word_tag(at_, "raw", sign);
    after_tag(sign, false);
    for (size_t tag = source_.find("{%", at_); tag != std::string::npos;
         tag = source_.find("{%", tag + 1)) {
      size_t end = tag + 2;
      const char open = end < source_.size() ? source_[end] : '\0';
      if (open == '-' || open == '+') ++end;
      if (!match_word_tag(end, "endraw", sign)) continue;
      add_text(tag, '%', open);
      at_ = end;
      after_tag(sign, true);
      return {};
    }
    return error(begin, "raw block is not closed by endraw");
  }

  /// Whether the tag ends here; moves behind it and what it strips.
  bool end_tag(char first) {
    const std::string_view here = rest();
    const char sign = here[0] == '-' || (here[0] == '+' && first == '%') ? here[0] : '\0';
    const std::string_view close = here.substr(sign == 0 ? 0 : 1);
    if (close.size() < 2 || close[0] != first || close[1] != '}') return false;
    add(first == '}' ? TokenKind::kPrintEnd : TokenKind::kBlockEnd, "", at_);
    at_ += sign == 0 ? 2 : 3;
    after_tag(sign, first == '%');
    return true;
  }

  Result<void> lex_inside(size_t begin, char first) {
    brackets_.clear();
    while (at_ < source_.size()) {
      if (kAsciiSpace.find(source_[at_]) != std::string_view::npos) {
        ++at_;
        continue;
      }
      if (brackets_.empty() && end_tag(first)) return {};
      LLMD_RETURN_IF_ERROR(lex_token());
    }
    return error(begin, first == '}' ? "{{ is not closed by }}" : "{% is not closed by %}");
  }

  Result<void> lex_token() {
    const char c = source_[at_];
    if (is_name_start(c)) {
      const size_t begin = at_;
      while (at_ < source_.size() && is_name_part(source_[at_])) ++at_;
      add(TokenKind::kName, source_.substr(begin, at_ - begin), begin);
      return {};
    }
    if (is_digit(c)) return lex_number();
    if (c == '"' || c == '\'') return lex_string();
    return lex_operator();
  }

  size_t skip_digits(size_t at) const {
    while (at < source_.size() && (is_digit(source_[at]) || source_[at] == '_')) ++at;
    return at;
  }

  Result<void> lex_number() {
    const size_t begin = at_;
    const bool after_dot = begin > 0 && source_[begin - 1] == '.';
    at_ = skip_digits(at_);
    auto kind = TokenKind::kInteger;
    const auto digit_at = [&](size_t i) { return i < source_.size() && is_digit(source_[i]); };
    if (!after_dot && at_ < source_.size() && source_[at_] == '.' && digit_at(at_ + 1)) {
      at_ = skip_digits(at_ + 1);
      kind = TokenKind::kFloat;
    }
    if (!after_dot && at_ < source_.size() && (source_[at_] == 'e' || source_[at_] == 'E')) {
      const bool has_sign =
          at_ + 1 < source_.size() && (source_[at_ + 1] == '-' || source_[at_ + 1] == '+');
      if (digit_at(at_ + 1 + (has_sign ? 1 : 0))) {
        at_ = skip_digits(at_ + 1 + (has_sign ? 1 : 0));
        kind = TokenKind::kFloat;
      }
    }
    std::string digits = source_.substr(begin, at_ - begin);
    std::erase(digits, '_');
    add(kind, std::move(digits), begin);
    return {};
  }

  Result<void> lex_string() {
    const size_t begin = at_;
    const char quote = source_[at_++];
    while (at_ < source_.size() && source_[at_] != quote) at_ += source_[at_] == '\\' ? 2 : 1;
    if (at_ >= source_.size()) return error(begin, "string is not closed");
    const auto body = std::string_view(source_).substr(begin + 1, at_ - begin - 1);
    ++at_;
    add(TokenKind::kString, unescape(body), begin);
    return {};
  }

  Result<void> lex_operator() {
    constexpr std::array<std::string_view, 24> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~",
        "(",  ")",  "[",  "]",  "{",  "}",  ",", ".", ":", "|", "=", ";"};
    const std::string_view here = rest();
    std::string_view found;
    for (std::string_view candidate : kOperators) {
      if (found.empty() && here.starts_with(candidate)) found = candidate;
    }
    if (found.empty() && (here[0] == '<' || here[0] == '>')) found = here.substr(0, 1);
    if (found.empty()) {
      return error(at_,
                   fmt::format("unexpected character {}", here.substr(0, utf8_step(here).length)));
    }
    LLMD_RETURN_IF_ERROR(balance(found[0]));
    add(TokenKind::kOperator, std::string(found), at_);
    at_ += found.size();
    return {};
  }

  /// Inside of brackets }} and %} do not end the tag.
  Result<void> balance(char c) {
    constexpr std::string_view kOpen = "([{";
    constexpr std::string_view kClose = ")]}";
    if (kOpen.find(c) != std::string_view::npos) brackets_.push_back(c);
    const size_t closing = kClose.find(c);
    if (closing == std::string_view::npos) return {};
    if (brackets_.empty() || brackets_.back() != kOpen[closing]) {
      return error(at_, fmt::format("unexpected '{}'", c));
    }
    brackets_.pop_back();
    return {};
  }

  std::string source_;
  std::vector<Token> tokens_;
  std::string brackets_;  ///< open ones in the tag
  size_t at_ = 0;
  size_t located_ = 0;  ///< up to here lines are counted
  size_t line_begin_ = 0;
  uint32_t line_ = 1;
};

}  // namespace

Error fail(Location at, std::string_view message) {
  return invalid_argument(
      fmt::format("chat template line {}, column {}: {}", at.line, at.column, message));
}

Error located(Location at, const Error& error) {
  return {error.code, fail(at, error.message).message};
}

Result<std::vector<Token>> tokenize(std::string_view source) {
  if (source.size() > kSourceBytesMax) {
    return Error{Errc::kTooLarge,
                 fmt::format("chat template is longer than {} bytes", kSourceBytesMax)};
  }
  if (!is_utf8(source)) return invalid_argument("chat template is not UTF-8");
  return Lexer(source).run();
}

}  // namespace llmd::tokenize::jinja
