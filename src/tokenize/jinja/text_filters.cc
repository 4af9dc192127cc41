// SPDX-License-Identifier: Apache-2.0
// Filters that make text of text. Other values are taken as str() gives them.
#include <fmt/core.h>
#include <utf8proc.h>

#include <algorithm>

#include "tokenize/jinja/builtins.h"
#include "tokenize/jinja/interpreter.h"
#include "tokenize/jinja/print.h"
#include "tokenize/jinja/string_literal.h"
#include "tokenize/utf8.h"

namespace llmd::tokenize::jinja {
namespace {

using Fold = utf8proc_int32_t (*)(utf8proc_int32_t);

std::string map_characters(std::string_view text, Fold fold) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    if (step.code_point == 0xDF && fold == utf8proc_toupper) {
      out += "SS";  // the common letter whose upper case is two
    } else {
      append_utf8(out, static_cast<char32_t>(fold(static_cast<utf8proc_int32_t>(step.code_point))));
    }
    text.remove_prefix(step.length);
  }
  return out;
}

Value as_text(const Value& value) { return value.is_text() ? value : make_text(to_string(value)); }

Result<Value> lower(Interpreter&, const Value& self, const Bound&) {
  return make_text(to_lower(as_text(self).text()));
}

Result<Value> upper(Interpreter&, const Value& self, const Bound&) {
  return make_text(to_upper(as_text(self).text()));
}

Result<Value> capitalize(Interpreter&, const Value& self, const Bound&) {
  return make_text(to_capitalized(as_text(self).text()));
}

/// Words begin behind white space and -([{<.
Result<Value> title(Interpreter&, const Value& self, const Bound&) {
  const Value value = as_text(self);
  std::string_view text = value.text();
  std::string out;
  bool at_start = true;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const std::string_view c = text.substr(0, step.length);
    out += at_start ? to_upper(c) : to_lower(c);
    at_start = is_python_space(step.code_point) ||
               (step.length == 1 && std::string_view("-([{<").find(c[0]) != std::string_view::npos);
    text.remove_prefix(step.length);
  }
  return make_text(std::move(out));
}

Result<Value> trim(Interpreter&, const Value& self, const Bound& arguments) {
  const Value value = as_text(self);
  return sub_text(value, strip(value.text(), arguments[0], true, true));
}

Result<Value> string(Interpreter&, const Value& self, const Bound&) { return as_text(self); }

Result<Value> replace(Interpreter& in, const Value& self, const Bound& arguments) {
  const Value value = as_text(self);
  Arguments texts;
  for (size_t i : {size_t{0}, size_t{1}}) {
    if (arguments[i] == nullptr) return invalid_argument("replace needs two arguments");
    texts.positional.push_back(as_text(*arguments[i]));
  }
  if (arguments[2] != nullptr) texts.positional.push_back(*arguments[2]);
  return call_builtin(in, *find_method(value, "replace"), value, texts);
}

Result<Value> indent(Interpreter& in, const Value& self, const Bound& arguments) {
  std::string prefix;
  if (arguments[0] != nullptr && arguments[0]->is_text()) {
    prefix = arguments[0]->text();
  } else {
    LLMD_ASSIGN_OR_RETURN(const int64_t width, arguments.integer(0, "width", 4));
    LLMD_RETURN_IF_ERROR(in.work(static_cast<uint64_t>(std::max<int64_t>(width, 0))));
    prefix.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  const Value value = as_text(self);
  std::string_view text = value.text();
  std::string out;
  for (bool first = true; first || !text.empty(); first = false) {
    const size_t end = std::min(text.find('\n'), text.size());
    const bool indents = first ? arguments.flag(1) : end > 0 || arguments.flag(2);
    if (!first) out.push_back('\n');
    LLMD_RETURN_IF_ERROR(in.work(prefix.size() + end));
    if (indents) out += prefix;
    out.append(text, 0, end);
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
    if (text.empty()) out.append("\n").append(arguments.flag(2) ? prefix : "");
  }
  return make_text(std::move(out));
}

Result<Value> escape(Interpreter&, const Value& self, const Bound&) {
  std::string out;
  for (char c : to_string(self)) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (c == '"') {
      out += "&#34;";
    } else {
      out.push_back(c);
    }
  }
  return make_text(std::move(out));
}

constexpr Builtin kFilters[] = {
    {.name = "lower", .run = lower, .walks = true},
    {.name = "upper", .run = upper, .walks = true},
    {.name = "capitalize", .run = capitalize, .walks = true},
    {.name = "title", .run = title, .walks = true},
    {.name = "trim", .run = trim, .parameters = {"chars"}, .walks = true},
    {.name = "string", .run = string, .walks = true},
    {.name = "safe", .run = string, .walks = true},
    {.name = "replace", .run = replace, .parameters = {"old", "new", "count"}, .walks = true},
    {.name = "indent", .run = indent, .parameters = {"width", "first", "blank"}, .walks = true},
    {.name = "escape", .run = escape, .walks = true},
    {.name = "e", .run = escape, .walks = true},
};

}  // namespace

std::span<const Builtin> text_filters() { return kFilters; }

std::string to_lower(std::string_view text) { return map_characters(text, utf8proc_tolower); }
std::string to_upper(std::string_view text) { return map_characters(text, utf8proc_toupper); }

std::string to_capitalized(std::string_view text) {
  if (text.empty()) return {};
  const size_t first = utf8_step(text).length;
  return to_upper(text.substr(0, first)) + to_lower(text.substr(first));
}

std::string_view strip(std::string_view text, const Value* chars, bool left, bool right) {
  const bool is_set = chars != nullptr && chars->is_text();
  const auto drops = [&](std::string_view c) {
    return is_set ? chars->text().find(c) != std::string_view::npos
                  : is_python_space(utf8_first(c));
  };
  while (left && !text.empty()) {
    const size_t length = utf8_step(text).length;
    if (!drops(text.substr(0, length))) break;
    text.remove_prefix(length);
  }
  while (right && !text.empty()) {
    const size_t last = utf8_last_start(text);
    if (!drops(text.substr(last))) break;
    text = text.substr(0, last);
  }
  return text;
}

Value sub_text(const Value& whole, std::string_view part) {
  return {Text{whole.as<Text>()->owner, part}};
}

}  // namespace llmd::tokenize::jinja
