// SPDX-License-Identifier: Apache-2.0
// Methods that Python's str, dict and list have, those that change nothing.
#include <fmt/core.h>

#include <algorithm>

#include "tokenize/jinja/builtins.h"
#include "tokenize/jinja/interpreter.h"
#include "tokenize/jinja/print.h"
#include "tokenize/jinja/string_literal.h"
#include "tokenize/utf8.h"

namespace llmd::tokenize::jinja {
namespace {

using Run = Builtin::Run;

Result<Value> strip_both(Interpreter&, const Value& self, const Bound& arguments) {
  return sub_text(self, strip(self.text(), arguments[0], true, true));
}
Result<Value> strip_left(Interpreter&, const Value& self, const Bound& arguments) {
  return sub_text(self, strip(self.text(), arguments[0], true, false));
}
Result<Value> strip_right(Interpreter&, const Value& self, const Bound& arguments) {
  return sub_text(self, strip(self.text(), arguments[0], false, true));
}

/// str.split without a separator: runs of white space separate, and none at the ends count.
List split_at_space(const Value& self, int64_t splits_max) {
  List parts;
  std::string_view rest = strip(self.text(), nullptr, true, false);
  while (!rest.empty() && splits_max-- != 0) {
    size_t end = 0;
    while (end < rest.size() && !is_python_space(utf8_first(rest.substr(end)))) {
      end += utf8_step(rest.substr(end)).length;
    }
    parts.push_back(sub_text(self, rest.substr(0, end)));
    rest = strip(rest.substr(end), nullptr, true, false);
  }
  if (!rest.empty()) parts.push_back(sub_text(self, strip(rest, nullptr, false, true)));
  return parts;
}

Result<Value> split(Interpreter&, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(int64_t splits_left, arguments.integer(1, "maxsplit", -1));
  if (arguments[0] == nullptr || arguments[0]->is<None>()) {
    return make_list(split_at_space(self, splits_left));
  }
  LLMD_ASSIGN_OR_RETURN(const auto separator, arguments.required_text(0, "sep"));
  if (separator.empty()) return invalid_argument("empty separator");
  List parts;
  std::string_view rest = self.text();
  for (size_t at; splits_left != 0 && (at = rest.find(separator)) != std::string_view::npos;
       --splits_left) {
    parts.push_back(sub_text(self, rest.substr(0, at)));
    rest.remove_prefix(at + separator.size());
  }
  parts.push_back(sub_text(self, rest));
  return make_list(std::move(parts));
}

Result<Value> rsplit(Interpreter& in, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(int64_t splits_left, arguments.integer(1, "maxsplit", -1));
  if (splits_left < 0) return split(in, self, arguments);
  LLMD_ASSIGN_OR_RETURN(const auto separator, arguments.required_text(0, "sep"));
  if (separator.empty()) return invalid_argument("empty separator");
  List parts;
  std::string_view rest = self.text();
  for (size_t at; splits_left > 0 && (at = rest.rfind(separator)) != std::string_view::npos;
       --splits_left) {
    parts.push_back(sub_text(self, rest.substr(at + separator.size())));
    rest = rest.substr(0, at);
  }
  parts.push_back(sub_text(self, rest));
  std::ranges::reverse(parts);
  return make_list(std::move(parts));
}

Result<Value> splitlines(Interpreter&, const Value& self, const Bound& arguments) {
  List lines;
  std::string_view rest = self.text();
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of("\n\r\v\f"), rest.size());
    const size_t ending =
        rest.substr(end).starts_with("\r\n") ? 2 : static_cast<size_t>(end < rest.size());
    lines.push_back(sub_text(self, rest.substr(0, end + (arguments.flag(0) ? ending : 0))));
    rest.remove_prefix(end + ending);
  }
  return make_list(std::move(lines));
}

/// `affix` is a string, or a tuple of which one must fit.
Result<Value> has_affix(const Value& self, const Bound& arguments, bool at_start) {
  if (arguments[0] == nullptr) return invalid_argument("expected a string or a tuple of strings");
  const auto fits = [&](const Value& affix) {
    return affix.is_text() &&
           (at_start ? self.text().starts_with(affix.text()) : self.text().ends_with(affix.text()));
  };
  if (const List* affixes = arguments[0]->list()) {
    return Value{std::ranges::any_of(*affixes, fits)};
  }
  LLMD_RETURN_IF_ERROR([&]() -> Result<void> {
    if (arguments[0]->is_text()) return {};
    return invalid_argument("expected a string or a tuple of strings");
  }());
  return Value{fits(*arguments[0])};
}

Result<Value> startswith(Interpreter&, const Value& self, const Bound& arguments) {
  return has_affix(self, arguments, true);
}
Result<Value> endswith(Interpreter&, const Value& self, const Bound& arguments) {
  return has_affix(self, arguments, false);
}

Result<Value> removeprefix(Interpreter&, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const auto prefix, arguments.required_text(0, "prefix"));
  if (!self.text().starts_with(prefix)) return self;
  return sub_text(self, self.text().substr(prefix.size()));
}

Result<Value> removesuffix(Interpreter&, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const auto suffix, arguments.required_text(0, "suffix"));
  if (!self.text().ends_with(suffix)) return self;
  return sub_text(self, self.text().substr(0, self.text().size() - suffix.size()));
}

Result<Value> replace(Interpreter& in, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const auto from, arguments.required_text(0, "old"));
  LLMD_ASSIGN_OR_RETURN(const auto to, arguments.required_text(1, "new"));
  LLMD_ASSIGN_OR_RETURN(int64_t left, arguments.integer(2, "count", -1));
  std::string out;
  std::string_view rest = self.text();
  while (left != 0 && (!rest.empty() || from.empty())) {
    const size_t at = rest.find(from);
    if (at == std::string_view::npos) break;
    LLMD_RETURN_IF_ERROR(in.work(to.size()));
    out.append(rest, 0, at).append(to);
    // An empty pattern fits before every character and at the end.
    const size_t kept = from.empty() && !rest.empty() ? utf8_step(rest).length : 0;
    out.append(rest, 0, kept);
    const bool at_end = from.empty() && rest.empty();
    rest.remove_prefix(at + from.size() + kept);
    --left;
    if (at_end) break;
  }
  return make_text(out.append(rest));
}

Result<Value> upper(Interpreter&, const Value& self, const Bound&) {
  return make_text(to_upper(self.text()));
}
Result<Value> lower(Interpreter&, const Value& self, const Bound&) {
  return make_text(to_lower(self.text()));
}
Result<Value> capitalize(Interpreter&, const Value& self, const Bound&) {
  return make_text(to_capitalized(self.text()));
}

/// str.title: a letter that follows no letter is in upper case.
Result<Value> title(Interpreter&, const Value& self, const Bound&) {
  std::string out;
  bool after_letter = false;
  for (std::string_view c : characters(self.text())) {
    const std::string low = to_lower(c);
    const std::string up = to_upper(c);
    out += after_letter ? low : up;
    after_letter = low != up;
  }
  return make_text(std::move(out));
}

Result<Value> position(const Value& self, const Bound& arguments, bool last) {
  LLMD_ASSIGN_OR_RETURN(const auto part, arguments.required_text(0, "sub"));
  const size_t at = last ? self.text().rfind(part) : self.text().find(part);
  if (at == std::string_view::npos) return Value{int64_t{-1}};
  return Value{static_cast<int64_t>(count_characters(self.text().substr(0, at)))};
}
Result<Value> find(Interpreter&, const Value& self, const Bound& arguments) {
  return position(self, arguments, false);
}
Result<Value> rfind(Interpreter&, const Value& self, const Bound& arguments) {
  return position(self, arguments, true);
}

Result<Value> count_text(Interpreter&, const Value& self, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const auto part, arguments.required_text(0, "sub"));
  if (part.empty()) return Value{static_cast<int64_t>(count_characters(self.text()) + 1)};
  int64_t count = 0;
  for (size_t at = 0; (at = self.text().find(part, at)) != std::string_view::npos;
       at += part.size()) {
    ++count;
  }
  return Value{count};
}

Result<Value> join(Interpreter& in, const Value& self, const Bound& arguments) {
  if (arguments[0] == nullptr) return invalid_argument("join needs something to join");
  return call_builtin(in, *find_filter("join"), *arguments[0], {{self}, {}});
}

/// Whether all characters, at least one, are of a kind.
template <typename Is>
Result<Value> all_are(const Value& self, Is is) {
  const auto all = characters(self.text());
  return Value{!all.empty() && std::ranges::all_of(all, is)};
}
Result<Value> isspace(Interpreter&, const Value& self, const Bound&) {
  return all_are(self, [](std::string_view c) { return is_python_space(utf8_first(c)); });
}
Result<Value> isdigit(Interpreter&, const Value& self, const Bound&) {
  return all_are(self, [](std::string_view c) { return c[0] >= '0' && c[0] <= '9'; });
}
Result<Value> isupper(Interpreter&, const Value& self, const Bound&) {
  return Value{to_upper(self.text()) == self.text() && to_lower(self.text()) != self.text()};
}
Result<Value> islower(Interpreter&, const Value& self, const Bound&) {
  return Value{to_lower(self.text()) == self.text() && to_upper(self.text()) != self.text()};
}

Result<Value> items(Interpreter&, const Value& self, const Bound&) {
  List list;
  for (const auto& [key, value] : self.dict()->entries) {
    list.push_back(make_list({key, value}, true));
  }
  return make_list(std::move(list));
}
Result<Value> keys(Interpreter&, const Value& self, const Bound&) {
  List list;
  for (const auto& entry : self.dict()->entries) list.push_back(entry.first);
  return make_list(std::move(list));
}
Result<Value> values(Interpreter&, const Value& self, const Bound&) {
  List list;
  for (const auto& entry : self.dict()->entries) list.push_back(entry.second);
  return make_list(std::move(list));
}
Result<Value> get(Interpreter&, const Value& self, const Bound& arguments) {
  if (arguments[0] == nullptr) return invalid_argument("get needs a key");
  const Value* found = self.dict()->find(*arguments[0]);
  return found != nullptr ? *found : arguments.value_or(1, make_none());
}
Result<Value> copy(Interpreter&, const Value& self, const Bound&) { return self; }

Result<Value> count_item(Interpreter& in, const Value& self, const Bound& arguments) {
  if (arguments[0] == nullptr) return invalid_argument("count needs a value");
  LLMD_RETURN_IF_ERROR(in.work(extent_of(self).weight));
  return Value{static_cast<int64_t>(std::ranges::count_if(
      *self.list(), [&](const Value& item) { return equal(item, *arguments[0]); }))};
}
Result<Value> index(Interpreter& in, const Value& self, const Bound& arguments) {
  if (arguments[0] == nullptr) return invalid_argument("index needs a value");
  LLMD_RETURN_IF_ERROR(in.work(extent_of(self).weight));
  const auto at = std::ranges::find_if(
      *self.list(), [&](const Value& item) { return equal(item, *arguments[0]); });
  if (at == self.list()->end()) return invalid_argument("value is not in list");
  return Value{static_cast<int64_t>(at - self.list()->begin())};
}

/// transformers renders in an immutable sandbox: templates use namespaces instead.
Result<Value> refuse_change(Interpreter&, const Value& self, const Bound&) {
  return invalid_argument(fmt::format("a {} cannot be changed by a template", type_name(self)));
}

Result<Value> cycle(Interpreter&, const Value& self, const Bound& arguments) {
  const List& choices = arguments.all->positional;
  if (choices.empty()) return invalid_argument("no items for cycling given");
  return choices[self.as<std::shared_ptr<const Loop>>()->get()->index0 % choices.size()];
}

constexpr Builtin kTextMethods[] = {
    {.name = "strip", .run = strip_both, .parameters = {"chars"}},
    {.name = "lstrip", .run = strip_left, .parameters = {"chars"}},
    {.name = "rstrip", .run = strip_right, .parameters = {"chars"}},
    {.name = "split", .run = split, .parameters = {"sep", "maxsplit"}},
    {.name = "rsplit", .run = rsplit, .parameters = {"sep", "maxsplit"}},
    {.name = "splitlines", .run = splitlines, .parameters = {"keepends"}},
    {.name = "startswith", .run = startswith, .parameters = {"prefix"}},
    {.name = "endswith", .run = endswith, .parameters = {"suffix"}},
    {.name = "removeprefix", .run = removeprefix, .parameters = {"prefix"}},
    {.name = "removesuffix", .run = removesuffix, .parameters = {"suffix"}},
    {.name = "replace", .run = replace, .parameters = {"old", "new", "count"}},
    {.name = "upper", .run = upper},
    {.name = "lower", .run = lower},
    {.name = "capitalize", .run = capitalize},
    {.name = "title", .run = title},
    {.name = "find", .run = find, .parameters = {"sub"}},
    {.name = "rfind", .run = rfind, .parameters = {"sub"}},
    {.name = "count", .run = count_text, .parameters = {"sub"}},
    {.name = "join", .run = join, .parameters = {"iterable"}},
    {.name = "isspace", .run = isspace},
    {.name = "isdigit", .run = isdigit},
    {.name = "isupper", .run = isupper},
    {.name = "islower", .run = islower},
};

constexpr Builtin kDictMethods[] = {
    {.name = "items", .run = items},
    {.name = "keys", .run = keys},
    {.name = "values", .run = values},
    {.name = "get", .run = get, .parameters = {"key", "default"}},
    {.name = "copy", .run = copy},
    {.name = "update", .run = refuse_change, .takes_any = true},
    {.name = "pop", .run = refuse_change, .takes_any = true},
    {.name = "setdefault", .run = refuse_change, .takes_any = true},
    {.name = "clear", .run = refuse_change, .takes_any = true},
};

constexpr Builtin kListMethods[] = {
    {.name = "count", .run = count_item, .parameters = {"value"}},
    {.name = "index", .run = index, .parameters = {"value"}},
    {.name = "copy", .run = copy},
    {.name = "append", .run = refuse_change, .takes_any = true},
    {.name = "extend", .run = refuse_change, .takes_any = true},
    {.name = "insert", .run = refuse_change, .takes_any = true},
    {.name = "pop", .run = refuse_change, .takes_any = true},
};

constexpr Builtin kLoopMethods[] = {{.name = "cycle", .run = cycle, .takes_any = true}};

}  // namespace

const Builtin* find_method(const Value& self, std::string_view name) {
  std::span<const Builtin> methods;
  if (self.is_text()) methods = kTextMethods;
  if (self.dict() != nullptr) methods = kDictMethods;
  if (self.list() != nullptr) methods = kListMethods;
  if (self.is<std::shared_ptr<const Loop>>()) methods = kLoopMethods;
  const auto at = std::ranges::find(methods, name, &Builtin::name);
  return at == methods.end() ? nullptr : &*at;
}

}  // namespace llmd::tokenize::jinja
