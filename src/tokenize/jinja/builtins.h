// SPDX-License-Identifier: Apache-2.0
// Filters, tests, methods and global functions: tables of name, parameters and function.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tokenize/jinja/value.h"

namespace llmd::tokenize::jinja {

class Interpreter;

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// A call's arguments by place of the parameter; null where one was not given.
struct Bound {
  static constexpr size_t kMax = 4;
  std::array<const Value*, kMax> given{};
  const Arguments* all = nullptr;

  const Value* operator[](size_t i) const { return given[i]; }
  Value value_or(size_t i, Value fallback) const { return given[i] ? *given[i] : fallback; }
  bool flag(size_t i, bool fallback = false) const {
    return given[i] == nullptr ? fallback : is_true(*given[i]);
  }
  Result<int64_t> integer(size_t i, std::string_view name, int64_t fallback) const;
  Result<std::string_view> text(size_t i, std::string_view name, std::string_view fallback) const;
  /// As text(), and an error if it is not given.
  Result<std::string_view> required_text(size_t i, std::string_view name) const;
};

struct Builtin {
  using Run = Result<Value> (*)(Interpreter& in, const Value& self, const Bound& arguments);
  std::string_view name;
  Run run;
  std::array<std::string_view, Bound::kMax> parameters{};
  bool takes_any = false;  ///< reads Bound::all; parameters are not checked
  bool walks = false;      ///< goes through all that hangs off `self`
};

/// Null where there is none of that name.
const Builtin* find_filter(std::string_view name);
const Builtin* find_test(std::string_view name);
const Builtin* find_global(std::string_view name);
const Builtin* find_method(const Value& self, std::string_view name);

/// Puts arguments to parameters, counts the work and calls.
Result<Value> call_builtin(Interpreter& in, const Builtin& builtin, const Value& self,
                           const Arguments& arguments);

/// The tables, one a file.
std::span<const Builtin> text_filters();
std::span<const Builtin> list_filters();
std::span<const Builtin> value_filters();
std::span<const Builtin> text_methods();

/// "a.b.0" as Jinja's `attribute` arguments have it.
Result<Value> get_path(const Value& value, const Value& path);
Result<Value> get_attribute(const Value& object, std::string_view name);
Result<Value> get_item(const Value& object, const Value& key);

/// `text` without the characters of `chars`, by default white space, at the sides that are set.
std::string_view strip(std::string_view text, const Value* chars, bool left, bool right);
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
/// The first character in upper case, the others in lower.
std::string to_capitalized(std::string_view text);
/// A view of `whole`, which keeps it alive.
Value sub_text(const Value& whole, std::string_view part);

}  // namespace llmd::tokenize::jinja
