// SPDX-License-Identifier: Apache-2.0
#include "tokenize/jinja/print.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <charconv>
#include <cmath>

#include "tokenize/utf8.h"

namespace llmd::tokenize::jinja {
namespace {

/// Python's repr of a float: the shortest digits that give it back, with an exponent from 1e16 on
/// and below 1e-4.
std::string float_repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  const double size = std::fabs(number);
  if (size != 0 && (size >= 1e16 || size < 1e-4)) {
    char buffer[40];
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
    return {buffer, end.ptr};
  }
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::fixed);
  std::string text(buffer, end.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

bool is_printable(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return c == ' ';
    default:
      return true;
  }
}

void append_escaped(std::string& out, char32_t c) {
  if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c < 0x100) {
    out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
  } else if (c < 0x10000) {
    out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
  } else {
    out += fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
  }
}

void append_text_repr(std::string& out, std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  out.push_back(quote);
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const char32_t c = step.code_point;
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(c));
    } else if (is_printable(c)) {
      out.append(text, 0, step.length);
    } else {
      append_escaped(out, c);
    }
    text.remove_prefix(step.length);
  }
  out.push_back(quote);
}

void append_repr(std::string& out, const Value& value);

void append_sequence_repr(std::string& out, const Sequence& sequence) {
  out.push_back(sequence.is_tuple ? '(' : '[');
  bool first = true;
  for (const Value& item : *sequence.items) {
    if (!std::exchange(first, false)) out += ", ";
    append_repr(out, item);
  }
  if (sequence.is_tuple && sequence.items->size() == 1) out.push_back(',');
  out.push_back(sequence.is_tuple ? ')' : ']');
}

void append_dict_repr(std::string& out, const Dict& dict) {
  out.push_back('{');
  bool first = true;
  for (const auto& [key, value] : dict.entries) {
    if (!std::exchange(first, false)) out += ", ";
    append_repr(out, key);
    out += ": ";
    append_repr(out, value);
  }
  out.push_back('}');
}

void append_repr(std::string& out, const Value& value) {
  if (value.is_text()) {
    append_text_repr(out, value.text());
  } else if (const auto* sequence = value.as<Sequence>()) {
    append_sequence_repr(out, *sequence);
  } else if (const Dict* dict = value.dict()) {
    append_dict_repr(out, *dict);
  } else if (value.is_undefined()) {
    out += "Undefined";
  } else {
    append_string(out, value);
  }
}

}  // namespace

void append_string(std::string& out, const Value& value) {
  if (value.is_text()) {
    out += value.text();
  } else if (value.is<None>()) {
    out += "None";
  } else if (const bool* flag = value.as<bool>()) {
    out += *flag ? "True" : "False";
  } else if (const int64_t* whole = value.as<int64_t>()) {
    out += std::to_string(*whole);
  } else if (const double* number = value.as<double>()) {
    out += float_repr(*number);
  } else if (value.list() != nullptr || value.dict() != nullptr) {
    append_repr(out, value);
  } else if (!value.is_undefined()) {
    out += fmt::format("<{}>", type_name(value));
  }
}

std::string to_string(const Value& value) {
  std::string out;
  append_string(out, value);
  return out;
}

std::string repr(const Value& value) {
  std::string out;
  append_repr(out, value);
  return out;
}

}  // namespace llmd::tokenize::jinja
