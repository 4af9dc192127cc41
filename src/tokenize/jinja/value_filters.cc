// SPDX-License-Identifier: Apache-2.0
// Filters on single values: defaults, numbers, JSON.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "tokenize/jinja/builtins.h"
#include "tokenize/jinja/interpreter.h"
#include "tokenize/jinja/print.h"

namespace llmd::tokenize::jinja {
namespace {

constexpr int64_t kIndentMax = 64;
constexpr int64_t kPrecisionMax = 15;

Result<Value> fall_back(Interpreter&, const Value& self, const Bound& arguments) {
  const bool falls_back = self.is_undefined() || (arguments.flag(1) && !is_true(self));
  return falls_back ? arguments.value_or(0, make_view("")) : self;
}

/// int() of a text: an optional sign and digits, white space around; a float's whole part else.
Result<Value> to_int(Interpreter&, const Value& self, const Bound& arguments) {
  const Value fallback = arguments.value_or(0, Value{int64_t{0}});
  int64_t whole = 0;
  if (as_integer(self, whole) != nullptr) return Value{whole};
  double number = 0;
  if (self.is_text()) {
    std::string_view text = strip(self.text(), nullptr, true, true);
    if (text.starts_with('+')) text.remove_prefix(1);
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, whole);
    if (parsed.ec == std::errc() && parsed.ptr == end) return Value{whole};
    if (text.empty() || std::from_chars(text.data(), end, number).ptr != end) return fallback;
  } else if (self.is<double>()) {
    number = *self.as<double>();
  } else {
    return fallback;
  }
  const bool fits = std::fabs(number) < 9.2e18;
  return fits ? Value{static_cast<int64_t>(number)} : fallback;
}

Result<Value> to_float(Interpreter&, const Value& self, const Bound& arguments) {
  if (is_number(self)) return Value{to_double(self)};
  const Value fallback = arguments.value_or(0, Value{0.0});
  if (!self.is_text()) return fallback;
  std::string_view text = strip(self.text(), nullptr, true, true);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, number).ptr != end) return fallback;
  return Value{number};
}

Result<Value> abs(Interpreter&, const Value& self, const Bound&) {
  int64_t whole = 0;
  if (as_integer(self, whole) != nullptr) {
    if (whole == INT64_MIN) return invalid_argument("integer does not fit into 64 bits");
    return Value{whole < 0 ? -whole : whole};
  }
  if (!is_number(self)) return invalid_argument("abs needs a number");
  return Value{std::fabs(to_double(self))};
}

Result<Value> round(Interpreter&, const Value& self, const Bound& arguments) {
  if (!is_number(self)) return invalid_argument("round needs a number");
  LLMD_ASSIGN_OR_RETURN(const int64_t precision, arguments.integer(0, "precision", 0));
  LLMD_ASSIGN_OR_RETURN(const auto method, arguments.text(1, "method", "common"));
  if (precision < 0 || precision > kPrecisionMax) {
    return invalid_argument(fmt::format("precision must be from 0 to {}", kPrecisionMax));
  }
  const double number = to_double(self);
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (method == "floor") return Value{std::floor(number * scale) / scale};
  if (method == "ceil") return Value{std::ceil(number * scale) / scale};
  if (method != "common") return invalid_argument("method must be common, ceil or floor");
  // printf rounds the exact value, ties to even, as Python does.
  return Value{std::strtod(fmt::format("{:.{}f}", number, precision).c_str(), nullptr)};
}

Result<JsonStyle> read_style(const Bound& arguments) {
  JsonStyle style;
  style.ensure_ascii = arguments.flag(0);
  if (arguments[1] != nullptr && arguments[1]->is_text()) {
    style.indent = std::string(arguments[1]->text().substr(0, kIndentMax));
  } else if (arguments[1] != nullptr && !arguments[1]->is<None>()) {
    LLMD_ASSIGN_OR_RETURN(const int64_t width, arguments.integer(1, "indent", 0));
    if (width > kIndentMax) return invalid_argument("indent is too large");
    style.indent = std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  if (style.indent) style.item_separator = ",";
  if (const List* separators = arguments[2] == nullptr ? nullptr : arguments[2]->list()) {
    if (separators->size() != 2) return invalid_argument("separators must be two strings");
    style.item_separator = to_string((*separators)[0]).substr(0, kIndentMax);
    style.key_separator = to_string((*separators)[1]).substr(0, kIndentMax);
  }
  style.sort_keys = arguments.flag(3);
  return style;
}

Result<Value> tojson(Interpreter& in, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const JsonStyle style, read_style(arguments));
  LLMD_RETURN_IF_ERROR(in.work(extent_of(self).weight * kIndentMax / 8));
  LLMD_ASSIGN_OR_RETURN(std::string text, to_json(self, style));
  return make_text(std::move(text));
}

Result<Value> attribute(Interpreter&, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const auto name, arguments.required_text(0, "name"));
  return get_attribute(self, name);
}

constexpr Builtin kFilters[] = {
    {.name = "default", .run = fall_back, .parameters = {"default_value", "boolean"}},
    {.name = "d", .run = fall_back, .parameters = {"default_value", "boolean"}},
    {.name = "int", .run = to_int, .parameters = {"default"}},
    {.name = "float", .run = to_float, .parameters = {"default"}},
    {.name = "abs", .run = abs},
    {.name = "round", .run = round, .parameters = {"precision", "method"}},
    {.name = "tojson",
     .run = tojson,
     .parameters = {"ensure_ascii", "indent", "separators", "sort_keys"}},
    {.name = "attr", .run = attribute, .parameters = {"name"}},
};

}  // namespace

std::span<const Builtin> value_filters() { return kFilters; }

const Builtin* find_filter(std::string_view name) {
  for (std::span<const Builtin> filters : {text_filters(), list_filters(), value_filters()}) {
    const auto at = std::ranges::find(filters, name, &Builtin::name);
    if (at != filters.end()) return &*at;
  }
  return nullptr;
}

}  // namespace llmd::tokenize::jinja
