// SPDX-License-Identifier: Apache-2.0
#include "tokenize/jinja/value.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "tokenize/utf8.h"

namespace llmd::tokenize::jinja {
namespace {

bool equal_lists(const List& a, const List& b) {
  return std::ranges::equal(a, b, [](const Value& x, const Value& y) { return equal(x, y); });
}

bool equal_dicts(const Dict& a, const Dict& b) {
  return a.entries.size() == b.entries.size() &&
         std::ranges::all_of(a.entries, [&](const auto& entry) {
           const Value* other = b.find(entry.first);
           return other != nullptr && equal(entry.second, *other);
         });
}

Error no_order(const Value& a, const Value& b) {
  return invalid_argument(
      fmt::format("'{}' and '{}' cannot be compared", type_name(a), type_name(b)));
}

Result<int> compare_lists(const List& a, const List& b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (equal(a[i], b[i])) continue;
    return compare(a[i], b[i]);
  }
  return a.size() < b.size() ? -1 : static_cast<int>(a.size() > b.size());
}

constexpr uint64_t kWeightMax = uint64_t{1} << 48;

void add_extent(Extent& sum, Extent part) {
  sum.depth = std::max(sum.depth, part.depth + 1);
  sum.weight = std::min(sum.weight + part.weight, kWeightMax);
}

}  // namespace

const Value* Dict::find(const Value& key) const {
  const auto at = std::ranges::find_if(entries, [&](const auto& e) { return equal(e.first, key); });
  return at == entries.end() ? nullptr : &at->second;
}

const Value* Dict::find(std::string_view key) const {
  const auto at = std::ranges::find_if(
      entries, [&](const auto& e) { return e.first.is_text() && e.first.text() == key; });
  return at == entries.end() ? nullptr : &at->second;
}

void Dict::set(Value key, Value value) {
  const auto at = std::ranges::find_if(entries, [&](const auto& e) { return equal(e.first, key); });
  if (at == entries.end()) {
    entries.emplace_back(std::move(key), std::move(value));
  } else {
    at->second = std::move(value);
  }
}

Value make_none() { return {None{}}; }

Value make_text(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  const std::string_view view = *owner;
  return {Text{std::move(owner), view}};
}

Value make_view(std::string_view view) { return {Text{nullptr, view}}; }

Value make_list(List items, bool is_tuple) {
  Extent extent{.depth = 1};
  for (const Value& item : items) add_extent(extent, extent_of(item));
  return {Sequence{std::make_shared<const List>(std::move(items)), is_tuple, extent}};
}

Value make_dict(Dict dict) {
  dict.extent = {.depth = 1};
  for (const auto& entry : dict.entries) {
    add_extent(dict.extent, extent_of(entry.first));
    add_extent(dict.extent, extent_of(entry.second));
  }
  return {std::make_shared<const Dict>(std::move(dict))};
}

Value make_undefined(std::string what) {
  return {Undefined{std::make_shared<const std::string>(std::move(what))}};
}

std::string_view type_name(const Value& value) {
  constexpr std::string_view kNames[] = {"Undefined", "NoneType", "bool",       "int",
                                         "float",     "str",      "list",       "dict",
                                         "namespace", "function", "loop object"};
  const auto* sequence = value.as<Sequence>();
  return sequence != nullptr && sequence->is_tuple ? "tuple" : kNames[value.data.index()];
}

bool is_true(const Value& value) {
  if (value.is_undefined() || value.is<None>()) return false;
  if (const bool* flag = value.as<bool>()) return *flag;
  if (is_number(value)) return to_double(value) != 0;
  if (value.is_text()) return !value.text().empty();
  if (const List* list = value.list()) return !list->empty();
  if (const Dict* dict = value.dict()) return !dict->entries.empty();
  return true;
}

bool equal(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) return compare(a, b).value() == 0;
  if (a.data.index() != b.data.index()) return false;
  if (a.is_text()) return a.text() == b.text();
  if (a.list() != nullptr) {
    return a.as<Sequence>()->is_tuple == b.as<Sequence>()->is_tuple &&
           equal_lists(*a.list(), *b.list());
  }
  if (a.dict() != nullptr) return equal_dicts(*a.dict(), *b.dict());
  if (const auto* ns = a.as<std::shared_ptr<Namespace>>()) {
    return *ns == *b.as<std::shared_ptr<Namespace>>();
  }
  return a.is_undefined() || a.is<None>();
}

Result<int> compare(const Value& a, const Value& b) {
  const auto sign = [](auto x, auto y) { return x < y ? -1 : static_cast<int>(x > y); };
  if (is_number(a) && is_number(b)) {
    int64_t whole_a = 0;
    int64_t whole_b = 0;
    if (as_integer(a, whole_a) != nullptr && as_integer(b, whole_b) != nullptr) {
      return sign(whole_a, whole_b);
    }
    const double x = to_double(a);
    const double y = to_double(b);
    // NaN equals nothing; 2 is neither 0 nor an order.
    return std::isnan(x) || std::isnan(y) ? 2 : sign(x, y);
  }
  if (a.is_text() && b.is_text()) return sign(a.text(), b.text());
  if (a.list() != nullptr && b.list() != nullptr) return compare_lists(*a.list(), *b.list());
  return no_order(a, b);
}

const int64_t* as_integer(const Value& value, int64_t& storage) {
  if (const bool* flag = value.as<bool>()) {
    storage = *flag ? 1 : 0;
  } else if (const int64_t* number = value.as<int64_t>()) {
    storage = *number;
  } else {
    return nullptr;
  }
  return &storage;
}

bool is_number(const Value& value) {
  return value.is<bool>() || value.is<int64_t>() || value.is<double>();
}

double to_double(const Value& number) {
  int64_t whole = 0;
  if (as_integer(number, whole) != nullptr) return static_cast<double>(whole);
  return *number.as<double>();
}

Result<Sequence> iterate(const Value& value) {
  if (const auto* sequence = value.as<Sequence>()) return *sequence;
  List items;
  if (const auto* text = value.as<Text>()) {
    for (std::string_view c : characters(text->view)) items.push_back({Text{text->owner, c}});
  } else if (const Dict* dict = value.dict()) {
    for (const auto& entry : dict->entries) items.push_back(entry.first);
  } else if (!value.is_undefined()) {
    return invalid_argument(fmt::format("'{}' object is not iterable", type_name(value)));
  }
  return std::get<Sequence>(make_list(std::move(items)).data);
}

Result<bool> contains(const Value& container, const Value& item) {
  if (container.is_text()) {
    if (item.is_text()) return container.text().find(item.text()) != std::string_view::npos;
    return invalid_argument(
        fmt::format("'in <string>' requires string as left operand, not {}", type_name(item)));
  }
  if (const Dict* dict = container.dict()) return dict->find(item) != nullptr;
  LLMD_ASSIGN_OR_RETURN(const Sequence sequence, iterate(container));
  return std::ranges::any_of(*sequence.items, [&](const Value& v) { return equal(v, item); });
}

Result<size_t> length(const Value& value) {
  if (value.is_text()) return count_characters(value.text());
  if (const List* list = value.list()) return list->size();
  if (const Dict* dict = value.dict()) return dict->entries.size();
  if (value.is_undefined()) return size_t{0};
  return invalid_argument(fmt::format("object of type '{}' has no len()", type_name(value)));
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = utf8_step(text).length;
    out.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

size_t count_characters(std::string_view text) {
  size_t count = 0;
  for (; !text.empty(); text.remove_prefix(utf8_step(text).length)) ++count;
  return count;
}

Extent extent_of(const Value& value) {
  if (const auto* sequence = value.as<Sequence>()) return sequence->extent;
  if (const Dict* dict = value.dict()) return dict->extent;
  return {0, 1 + (value.is_text() ? value.text().size() : 0)};
}

}  // namespace llmd::tokenize::jinja
