// SPDX-License-Identifier: Apache-2.0
// Filters over lists and dicts.
#include <fmt/core.h>

#include <algorithm>

#include "tokenize/jinja/arithmetic.h"
#include "tokenize/jinja/builtins.h"
#include "tokenize/jinja/interpreter.h"
#include "tokenize/jinja/print.h"

namespace llmd::tokenize::jinja {
namespace {

/// The item itself, or what the "attribute" argument says.
Result<Value> key_of(const Value& item, const Value* attribute) {
  if (attribute == nullptr || attribute->is<None>()) return item;
  return get_path(item, *attribute);
}

Value fold_case(const Value& value, bool case_sensitive) {
  return value.is_text() && !case_sensitive ? make_text(to_lower(value.text())) : value;
}

struct Keyed {
  Value key;
  Value value;
};

Result<std::vector<Keyed>> with_keys(const Value& self, const Value* attribute,
                                     bool case_sensitive) {
  LLMD_ASSIGN_OR_RETURN(const Sequence sequence, iterate(self));
  std::vector<Keyed> keyed;
  for (const Value& item : *sequence.items) {
    LLMD_ASSIGN_OR_RETURN(const Value key, key_of(item, attribute));
    keyed.push_back({fold_case(key, case_sensitive), item});
  }
  return keyed;
}

/// Stable. Values that have no order among them make it fail.
Result<void> sort_keyed(Interpreter& in, std::vector<Keyed>& keyed, bool reverse) {
  std::optional<Error> failure;
  std::ranges::stable_sort(keyed, [&](const Keyed& a, const Keyed& b) {
    if (failure) return false;
    const auto cost = in.work(std::min(extent_of(a.key).weight, extent_of(b.key).weight));
    const auto order = compare(a.key, b.key);
    if (!cost || !order) failure = !cost ? cost.error() : order.error();
    return !failure && *order == (reverse ? 1 : -1);
  });
  if (failure) return *failure;
  return {};
}

Value values_of(const std::vector<Keyed>& keyed) {
  List list;
  for (const Keyed& item : keyed) list.push_back(item.value);
  return make_list(std::move(list));
}

Result<Value> sort(Interpreter& in, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(auto keyed, with_keys(self, arguments[2], arguments.flag(1)));
  LLMD_RETURN_IF_ERROR(sort_keyed(in, keyed, arguments.flag(0)));
  return values_of(keyed);
}

Result<Value> dictsort(Interpreter& in, const Value& self, const Bound& arguments) {
  if (self.dict() == nullptr) return invalid_argument("dictsort needs a dict");
  LLMD_ASSIGN_OR_RETURN(const auto by, arguments.text(1, "by", "key"));
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : self.dict()->entries) {
    keyed.push_back(
        {fold_case(by == "value" ? value : key, arguments.flag(0)), make_list({key, value}, true)});
  }
  LLMD_RETURN_IF_ERROR(sort_keyed(in, keyed, arguments.flag(2)));
  return values_of(keyed);
}

Result<Value> unique(Interpreter& in, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const auto keyed, with_keys(self, arguments[1], arguments.flag(0)));
  std::vector<Keyed> kept;
  for (const Keyed& item : keyed) {
    LLMD_RETURN_IF_ERROR(in.work(kept.size() * extent_of(item.key).weight));
    const bool seen = std::ranges::any_of(kept, [&](auto& k) { return equal(k.key, item.key); });
    if (!seen) kept.push_back(item);
  }
  return values_of(kept);
}

Result<Value> extreme(Interpreter& in, const Value& self, const Bound& arguments, bool largest) {
  LLMD_ASSIGN_OR_RETURN(auto keyed, with_keys(self, arguments[1], arguments.flag(0)));
  if (keyed.empty()) return make_undefined("no element in an empty sequence");
  LLMD_RETURN_IF_ERROR(sort_keyed(in, keyed, largest));
  return keyed.front().value;
}
Result<Value> max(Interpreter& in, const Value& self, const Bound& arguments) {
  return extreme(in, self, arguments, true);
}
Result<Value> min(Interpreter& in, const Value& self, const Bound& arguments) {
  return extreme(in, self, arguments, false);
}

Result<Value> sum(Interpreter& in, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const auto keyed, with_keys(self, arguments[0], true));
  Value total = arguments.value_or(1, Value{int64_t{0}});
  for (const Keyed& item : keyed) {
    LLMD_ASSIGN_OR_RETURN(total, calculate(in, BinaryOp::kAdd, total, item.key));
  }
  return total;
}

Result<Value> join(Interpreter& in, const Value& self, const Bound& arguments) {
  const std::string separator = arguments[0] == nullptr ? "" : to_string(*arguments[0]);
  LLMD_ASSIGN_OR_RETURN(const Sequence sequence, iterate(self));
  std::string text;
  for (size_t i = 0; i < sequence.items->size(); ++i) {
    LLMD_ASSIGN_OR_RETURN(const Value item, key_of((*sequence.items)[i], arguments[1]));
    LLMD_RETURN_IF_ERROR(in.work(separator.size() + extent_of(item).weight));
    if (i > 0) text += separator;
    append_string(text, item);
  }
  return make_text(std::move(text));
}

Result<Value> count(Interpreter&, const Value& self, const Bound&) {
  LLMD_ASSIGN_OR_RETURN(const size_t size, length(self));
  return Value{static_cast<int64_t>(size)};
}

Result<Value> first(Interpreter&, const Value& self, const Bound&) {
  LLMD_ASSIGN_OR_RETURN(const Sequence sequence, iterate(self));
  if (sequence.items->empty()) return make_undefined("No first item, sequence was empty.");
  return sequence.items->front();
}

Result<Value> last(Interpreter&, const Value& self, const Bound&) {
  LLMD_ASSIGN_OR_RETURN(const Sequence sequence, iterate(self));
  if (sequence.items->empty()) return make_undefined("No last item, sequence was empty.");
  return sequence.items->back();
}

Result<Value> list(Interpreter&, const Value& self, const Bound&) {
  LLMD_ASSIGN_OR_RETURN(Sequence sequence, iterate(self));
  sequence.is_tuple = false;
  return Value{std::move(sequence)};
}

Result<Value> reverse(Interpreter&, const Value& self, const Bound&) {
  if (self.is_text()) return slice(self, {.step = {int64_t{-1}}});
  LLMD_ASSIGN_OR_RETURN(const Sequence sequence, iterate(self));
  return make_list(List(sequence.items->rbegin(), sequence.items->rend()));
}

Result<Value> items(Interpreter& in, const Value& self, const Bound&) {
  if (self.is_undefined()) return make_list({});
  if (self.dict() == nullptr) return invalid_argument("Can only get item pairs from a mapping.");
  return call_builtin(in, *find_method(self, "items"), self, {});
}

Result<Value> batch(Interpreter&, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const int64_t size, arguments.integer(0, "linecount", 0));
  LLMD_ASSIGN_OR_RETURN(const Sequence sequence, iterate(self));
  if (size < 1) return invalid_argument("batch needs a count above zero");
  List batches;
  List current;
  for (const Value& item : *sequence.items) {
    current.push_back(item);
    if (current.size() == static_cast<size_t>(size)) {
      batches.push_back(make_list(std::exchange(current, {})));
    }
  }
  if (!current.empty()) batches.push_back(make_list(std::move(current)));
  return make_list(std::move(batches));
}

/// map(attribute="name", default=…), or map("filter", its arguments…).
Result<Value> map(Interpreter& in, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const Sequence sequence, iterate(self));
  Arguments rest = *arguments.all;
  const Builtin* filter = nullptr;
  if (arguments[1] == nullptr) {
    if (rest.positional.empty() || !rest.positional[0].is_text()) {
      return invalid_argument("map needs a filter's name or an attribute");
    }
    filter = find_filter(rest.positional[0].text());
    if (filter == nullptr) {
      return invalid_argument(
          fmt::format("filter '{}' is not supported", rest.positional[0].text()));
    }
    rest.positional.erase(rest.positional.begin());
  }
  List mapped;
  for (const Value& item : *sequence.items) {
    auto value =
        filter != nullptr ? call_builtin(in, *filter, item, rest) : get_path(item, *arguments[1]);
    if (!value) return value.error();
    const bool falls_back = filter == nullptr && value->is_undefined() && arguments[2] != nullptr;
    mapped.push_back(falls_back ? *arguments[2] : std::move(*value));
  }
  return make_list(std::move(mapped));
}

/// The items for which a test on them, or on an attribute of theirs, comes out as `wanted`.
Result<Value> choose(Interpreter& in, const Value& self, const Bound& arguments, bool by_attribute,
                     bool wanted) {
  LLMD_ASSIGN_OR_RETURN(const Sequence sequence, iterate(self));
  Arguments rest = *arguments.all;
  if (by_attribute && rest.positional.empty()) return invalid_argument("expected an attribute");
  const Value attribute = by_attribute ? rest.positional[0] : make_none();
  if (by_attribute) rest.positional.erase(rest.positional.begin());
  const Builtin* test = nullptr;
  if (!rest.positional.empty()) {
    const std::string name = to_string(rest.positional[0]);
    test = find_test(name);
    if (test == nullptr) return invalid_argument(fmt::format("test '{}' is not supported", name));
    rest.positional.erase(rest.positional.begin());
  }
  List chosen;
  for (const Value& item : *sequence.items) {
    LLMD_ASSIGN_OR_RETURN(Value subject, key_of(item, &attribute));
    if (test != nullptr) {
      LLMD_ASSIGN_OR_RETURN(subject, call_builtin(in, *test, subject, rest));
    }
    if (is_true(subject) == wanted) chosen.push_back(item);
  }
  return make_list(std::move(chosen));
}
Result<Value> select(Interpreter& in, const Value& self, const Bound& arguments) {
  return choose(in, self, arguments, false, true);
}
Result<Value> reject(Interpreter& in, const Value& self, const Bound& arguments) {
  return choose(in, self, arguments, false, false);
}
Result<Value> selectattr(Interpreter& in, const Value& self, const Bound& arguments) {
  return choose(in, self, arguments, true, true);
}
Result<Value> rejectattr(Interpreter& in, const Value& self, const Bound& arguments) {
  return choose(in, self, arguments, true, false);
}

constexpr Builtin kFilters[] = {
    {.name = "sort", .run = sort, .parameters = {"reverse", "case_sensitive", "attribute"}},
    {.name = "dictsort", .run = dictsort, .parameters = {"case_sensitive", "by", "reverse"}},
    {.name = "unique", .run = unique, .parameters = {"case_sensitive", "attribute"}},
    {.name = "max", .run = max, .parameters = {"case_sensitive", "attribute"}},
    {.name = "min", .run = min, .parameters = {"case_sensitive", "attribute"}},
    {.name = "sum", .run = sum, .parameters = {"attribute", "start"}},
    {.name = "join", .run = join, .parameters = {"d", "attribute"}},
    {.name = "length", .run = count},
    {.name = "count", .run = count},
    {.name = "first", .run = first},
    {.name = "last", .run = last},
    {.name = "list", .run = list},
    {.name = "reverse", .run = reverse},
    {.name = "items", .run = items},
    {.name = "batch", .run = batch, .parameters = {"linecount"}},
    {.name = "map",
     .run = map,
     .parameters = {"filter", "attribute", "default"},
     .takes_any = true},
    {.name = "select", .run = select, .takes_any = true},
    {.name = "reject", .run = reject, .takes_any = true},
    {.name = "selectattr", .run = selectattr, .takes_any = true},
    {.name = "rejectattr", .run = rejectattr, .takes_any = true},
};

}  // namespace

std::span<const Builtin> list_filters() { return kFilters; }

}  // namespace llmd::tokenize::jinja
