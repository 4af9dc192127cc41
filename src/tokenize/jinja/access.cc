// SPDX-License-Identifier: Apache-2.0
// Attributes and elements of values, and the calls of built-in functions.
#include <fmt/core.h>

#include <algorithm>

#include "tokenize/jinja/builtins.h"
#include "tokenize/jinja/interpreter.h"
#include "tokenize/jinja/print.h"

namespace llmd::tokenize::jinja {
namespace {

Value no_attribute(const Value& object, std::string_view name) {
  return make_undefined(fmt::format("'{} object' has no attribute '{}'", type_name(object), name));
}

Value element_or_undefined(const List& list, int64_t index) {
  if (index < 0) index += static_cast<int64_t>(list.size());
  if (index < 0 || index >= static_cast<int64_t>(list.size())) {
    return make_undefined("list object has no element at that index");
  }
  return list[static_cast<size_t>(index)];
}

Value neighbour(const Loop& loop, bool next) {
  const size_t count = loop.items.items->size();
  if (next ? loop.index0 + 1 >= count : loop.index0 == 0) {
    return make_undefined(next ? "there is no next item" : "there is no previous item");
  }
  return (*loop.items.items)[next ? loop.index0 + 1 : loop.index0 - 1];
}

std::optional<Value> loop_attribute(const Loop& loop, std::string_view name) {
  const auto index = static_cast<int64_t>(loop.index0);
  const auto count = static_cast<int64_t>(loop.items.items->size());
  if (name == "index") return Value{index + 1};
  if (name == "index0") return Value{index};
  if (name == "revindex") return Value{count - index};
  if (name == "revindex0") return Value{count - index - 1};
  if (name == "first") return Value{index == 0};
  if (name == "last") return Value{index + 1 == count};
  if (name == "length") return Value{count};
  if (name == "depth") return Value{loop.depth};
  if (name == "depth0") return Value{loop.depth - 1};
  if (name == "previtem") return neighbour(loop, false);
  if (name == "nextitem") return neighbour(loop, true);
  return std::nullopt;
}

Error wrong_argument(std::string_view name, std::string_view expected) {
  return invalid_argument(fmt::format("argument '{}' must be {}", name, expected));
}

Result<Bound> bind(const Builtin& builtin, const Arguments& arguments) {
  Bound bound{.all = &arguments};
  const auto& names = builtin.parameters;
  const auto known =
      static_cast<size_t>(std::ranges::find(names, std::string_view()) - names.begin());
  if (arguments.positional.size() > known && !builtin.takes_any) {
    return invalid_argument(fmt::format("{} takes at most {} arguments, not {}", builtin.name,
                                        known, arguments.positional.size()));
  }
  for (size_t i = 0; i < std::min(arguments.positional.size(), known); ++i) {
    bound.given[i] = &arguments.positional[i];
  }
  for (const auto& [name, value] : arguments.named) {
    const auto place = static_cast<size_t>(std::ranges::find(names, name) - names.begin());
    if (place < known) {
      bound.given[place] = &value;
    } else if (!builtin.takes_any) {
      return invalid_argument(fmt::format("{} has no argument '{}'", builtin.name, name));
    }
  }
  return bound;
}

/// What a built-in makes of its operand costs at least its size.
uint64_t size_of(const Value& value) {
  if (value.is_text()) return value.text().size();
  if (const List* list = value.list()) return list->size() * sizeof(Value);
  return 1;
}

}  // namespace

Result<int64_t> Bound::integer(size_t i, std::string_view name, int64_t fallback) const {
  if (given[i] == nullptr || given[i]->is<None>()) return fallback;
  int64_t storage = 0;
  const int64_t* number = as_integer(*given[i], storage);
  if (number == nullptr) return wrong_argument(name, "an integer");
  return *number;
}

Result<std::string_view> Bound::text(size_t i, std::string_view name,
                                     std::string_view fallback) const {
  if (given[i] == nullptr || given[i]->is<None>()) return fallback;
  return required_text(i, name);
}

Result<std::string_view> Bound::required_text(size_t i, std::string_view name) const {
  if (given[i] == nullptr || !given[i]->is_text()) return wrong_argument(name, "a string");
  return given[i]->text();
}

Result<Value> call_builtin(Interpreter& in, const Builtin& builtin, const Value& self,
                           const Arguments& arguments) {
  LLMD_RETURN_IF_ERROR(in.work(builtin.walks ? extent_of(self).weight : size_of(self)));
  LLMD_ASSIGN_OR_RETURN(const Bound bound, bind(builtin, arguments));
  auto result = builtin.run(in, self, bound);
  if (result) LLMD_RETURN_IF_ERROR(in.work(size_of(*result)));
  return result;
}

Result<Value> get_attribute(const Value& object, std::string_view name) {
  if (object.is_undefined()) return invalid_argument(*object.as<Undefined>()->what);
  if (find_method(object, name) != nullptr) {
    return Value{
        std::make_shared<const Function>(Function{.name = std::string(name), .self = object})};
  }
  if (const Dict* dict = object.dict()) {
    const Value* found = dict->find(name);
    if (found != nullptr) return *found;
  } else if (const auto* ns = object.as<std::shared_ptr<Namespace>>()) {
    for (const auto& [known, value] : (*ns)->attributes) {
      if (known == name) return value;
    }
  } else if (const auto* loop = object.as<std::shared_ptr<const Loop>>()) {
    if (auto value = loop_attribute(**loop, name)) return *value;
  }
  return no_attribute(object, name);
}

Result<Value> get_item(const Value& object, const Value& key) {
  int64_t index = 0;
  const bool is_index = as_integer(key, index) != nullptr;
  if (object.is_undefined()) return invalid_argument(*object.as<Undefined>()->what);
  if (const Dict* dict = object.dict()) {
    if (const Value* found = dict->find(key)) return *found;
  } else if (const List* list = object.list(); list != nullptr && is_index) {
    return element_or_undefined(*list, index);
  } else if (object.is_text() && is_index) {
    List all;
    for (std::string_view c : characters(object.text())) all.push_back(sub_text(object, c));
    return element_or_undefined(all, index);
  } else if (key.is_text()) {
    return get_attribute(object, key.text());
  }
  return make_undefined(
      fmt::format("'{} object' has no element {}", type_name(object), repr(key).substr(0, 64)));
}

Result<Value> get_path(const Value& value, const Value& path) {
  if (!path.is_text()) return get_item(value, path);
  Value current = value;
  std::string_view rest = path.text();
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    const bool is_number = !part.empty() && part.size() < 10 &&
                           part.find_first_not_of("0123456789") == std::string_view::npos;
    const Value key = is_number ? Value{int64_t{std::stoi(std::string(part))}} : make_view(part);
    LLMD_ASSIGN_OR_RETURN(current, get_item(current, key));
    if (dot == std::string_view::npos) return current;
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace llmd::tokenize::jinja
