// SPDX-License-Identifier: Apache-2.0
// What Jinja expressions evaluate to. Values are immutable, but for namespaces, and cheap to copy.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace llmd::tokenize::jinja {

struct Value;
struct Scope;
struct MacroNode;
struct Function;
struct Loop;
using List = std::vector<Value>;

/// How much hangs off a value. Parts may be shared, so that a walk can take far longer than the
/// memory tells. make_list and make_dict work it out.
struct Extent {
  int depth = 0;        ///< containers nested in each other
  uint64_t weight = 1;  ///< values and bytes of text, shared ones as often as they occur
};

/// A name, attribute or element that does not exist. Prints as nothing; use of it is an error.
struct Undefined {
  std::shared_ptr<const std::string> what;  ///< "'x' is undefined"
};

struct None {};

/// A view that is kept alive by its owner, or, without one, by the context or the template.
struct Text {
  std::shared_ptr<const std::string> owner;
  std::string_view view;
};

struct Sequence {
  std::shared_ptr<const List> items;
  bool is_tuple = false;
  Extent extent;
};

/// Keeps the order in which its keys were put in.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  Extent extent;
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  /// Puts the value in the key's old place if it has one.
  void set(Value key, Value value);
};

/// The one value that can change: `{% set ns.x = … %}`.
struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;
};

struct Value {
  using Storage = std::variant<Undefined, None, bool, int64_t, double, Text, Sequence,
                               std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
                               std::shared_ptr<const Function>, std::shared_ptr<const Loop>>;
  Storage data{};

  template <typename T>
  bool is() const {
    return std::holds_alternative<T>(data);
  }
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
  bool is_text() const { return is<Text>(); }
  bool is_undefined() const { return is<Undefined>(); }
  std::string_view text() const { return std::get<Text>(data).view; }
  const Dict* dict() const {
    const auto* held = as<std::shared_ptr<const Dict>>();
    return held == nullptr ? nullptr : held->get();
  }
  const List* list() const {
    const auto* held = as<Sequence>();
    return held == nullptr ? nullptr : held->items.get();
  }
};

/// How a function value is called: a macro, a method with the value it belongs to, or a global.
struct Function {
  std::string name{};
  Value self{};
  const MacroNode* macro = nullptr;
  std::shared_ptr<Scope> closure{};  ///< where the macro was defined
  bool is_caller = false;            ///< the body of a call block
};

/// The `loop` variable of a for loop, at one iteration.
struct Loop {
  Sequence items;
  size_t index0 = 0;
  int64_t depth = 1;  ///< loops around it, itself included
};

Value make_none();
Value make_text(std::string text);
/// `view` outlives the render.
Value make_view(std::string_view view);
Value make_list(List items, bool is_tuple = false);
Value make_dict(Dict dict);
Value make_undefined(std::string what);

/// Python's name of the type, for errors: "str", "dict".
std::string_view type_name(const Value& value);
bool is_true(const Value& value);
bool equal(const Value& a, const Value& b);
/// Below, equal to or above zero; an error for types that have no order.
Result<int> compare(const Value& a, const Value& b);
/// Numbers and booleans as an integer, if they are whole.
const int64_t* as_integer(const Value& value, int64_t& storage);
bool is_number(const Value& value);
double to_double(const Value& number);

/// The elements that iteration gives: a sequence's, a string's characters, a dict's keys, nothing
/// for undefined.
Result<Sequence> iterate(const Value& value);
Result<bool> contains(const Value& container, const Value& item);
/// What iteration gives, counted.
Result<size_t> length(const Value& value);

/// The characters of a text, each as a view.
std::vector<std::string_view> characters(std::string_view text);
size_t count_characters(std::string_view text);

/// In constant time.
Extent extent_of(const Value& value);

}  // namespace llmd::tokenize::jinja
