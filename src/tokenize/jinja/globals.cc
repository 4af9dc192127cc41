// SPDX-License-Identifier: Apache-2.0
// Functions that every template finds: those of Jinja and those that transformers adds.
#include <fmt/core.h>

#include <algorithm>
#include <ctime>

#include "tokenize/jinja/builtins.h"
#include "tokenize/jinja/interpreter.h"
#include "tokenize/jinja/print.h"

namespace llmd::tokenize::jinja {
namespace {

constexpr int64_t kRangeMax = 100'000;  ///< Jinja's sandbox has the same
constexpr size_t kTimeBytesMax = 512;

Result<Value> raise_exception(Interpreter&, const Value&, const Bound& arguments) {
  return invalid_argument(arguments[0] == nullptr ? "" : to_string(*arguments[0]));
}

Result<Value> strftime_now(Interpreter& in, const Value&, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const auto format, arguments.required_text(0, "format"));
  const std::time_t seconds = std::chrono::system_clock::to_time_t(in.now());
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char text[kTimeBytesMax];
  const size_t size = std::strftime(text, sizeof text, std::string(format).c_str(), &parts);
  return make_text(std::string(text, size));
}

Result<Value> range(Interpreter& in, const Value&, const Bound& arguments) {
  const bool has_start = arguments[1] != nullptr;
  LLMD_ASSIGN_OR_RETURN(const int64_t first, arguments.integer(0, "start", 0));
  LLMD_ASSIGN_OR_RETURN(const int64_t second, arguments.integer(1, "stop", 0));
  LLMD_ASSIGN_OR_RETURN(const int64_t step, arguments.integer(2, "step", 1));
  if (arguments[0] == nullptr || step == 0) {
    return invalid_argument("range needs an end, and a step that is not zero");
  }
  const int64_t stop = has_start ? second : first;
  List list;
  bool overflows = false;
  for (int64_t i = has_start ? first : 0; !overflows && (step > 0 ? i < stop : i > stop);
       overflows = __builtin_add_overflow(i, step, &i)) {
    if (list.size() == kRangeMax) {
      return Error{Errc::kTooLarge, fmt::format("range has more than {} elements", kRangeMax)};
    }
    list.push_back({i});
  }
  LLMD_RETURN_IF_ERROR(in.work(list.size() * sizeof(Value)));
  return make_list(std::move(list));
}

/// The pairs of a dict, or nothing, and the named arguments over them.
Result<Dict> gather(Interpreter& in, const Bound& arguments) {
  Dict dict;
  for (const Value& from : arguments.all->positional) {
    if (from.dict() == nullptr) return invalid_argument("expected a dict or named arguments");
    LLMD_RETURN_IF_ERROR(in.work(from.dict()->entries.size() * from.dict()->entries.size()));
    for (const auto& [key, value] : from.dict()->entries) dict.set(key, value);
  }
  for (const auto& [name, value] : arguments.all->named) dict.set(make_text(name), value);
  return dict;
}

Result<Value> dict(Interpreter& in, const Value&, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(Dict gathered, gather(in, arguments));
  return make_dict(std::move(gathered));
}

Result<Value> new_namespace(Interpreter& in, const Value&, const Bound& arguments) {
  LLMD_ASSIGN_OR_RETURN(const Dict gathered, gather(in, arguments));
  auto ns = std::make_shared<Namespace>();
  for (const auto& [key, value] : gathered.entries) {
    ns->attributes.emplace_back(to_string(key), value);
  }
  return in.keep(std::move(ns));
}

constexpr Builtin kGlobals[] = {
    {.name = "raise_exception", .run = raise_exception, .parameters = {"message"}},
    {.name = "strftime_now", .run = strftime_now, .parameters = {"format"}},
    {.name = "range", .run = range, .parameters = {"start", "stop", "step"}},
    {.name = "dict", .run = dict, .takes_any = true},
    {.name = "namespace", .run = new_namespace, .takes_any = true},
};

}  // namespace

const Builtin* find_global(std::string_view name) {
  const auto at = std::ranges::find(kGlobals, name, &Builtin::name);
  return at == std::end(kGlobals) ? nullptr : &*at;
}

}  // namespace llmd::tokenize::jinja
