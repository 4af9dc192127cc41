// SPDX-License-Identifier: Apache-2.0
// What may stand behind `is`.
#include <algorithm>

#include "tokenize/jinja/arithmetic.h"
#include "tokenize/jinja/builtins.h"
#include "tokenize/jinja/interpreter.h"
#include "tokenize/jinja/print.h"

namespace llmd::tokenize::jinja {
namespace {

using Answer = Result<Value>;

Answer defined(Interpreter&, const Value& self, const Bound&) { return {{!self.is_undefined()}}; }
Answer undefined(Interpreter&, const Value& self, const Bound&) { return {{self.is_undefined()}}; }
Answer none(Interpreter&, const Value& self, const Bound&) { return {{self.is<None>()}}; }
Answer string(Interpreter&, const Value& self, const Bound&) { return {{self.is_text()}}; }
Answer number(Interpreter&, const Value& self, const Bound&) { return {{is_number(self)}}; }
Answer boolean(Interpreter&, const Value& self, const Bound&) { return {{self.is<bool>()}}; }
Answer integer(Interpreter&, const Value& self, const Bound&) { return {{self.is<int64_t>()}}; }
Answer floating(Interpreter&, const Value& self, const Bound&) { return {{self.is<double>()}}; }
Answer mapping(Interpreter&, const Value& self, const Bound&) { return {{self.dict() != nullptr}}; }
Answer iterable(Interpreter&, const Value& self, const Bound&) {
  return {
      {self.is_text() || self.list() != nullptr || self.dict() != nullptr || self.is_undefined()}};
}
Answer callable(Interpreter&, const Value& self, const Bound&) {
  return {{self.is<std::shared_ptr<const Function>>()}};
}
Answer is_yes(Interpreter&, const Value& self, const Bound&) {
  return {{self.is<bool>() && is_true(self)}};
}
Answer is_no(Interpreter&, const Value& self, const Bound&) {
  return {{self.is<bool>() && !is_true(self)}};
}

Answer remainder_is(Interpreter& in, const Value& self, const Value& divisor, int64_t wanted) {
  LLMD_ASSIGN_OR_RETURN(const Value rest, calculate(in, BinaryOp::kModulo, self, divisor));
  return Value{equal(rest, Value{wanted})};
}
Answer odd(Interpreter& in, const Value& self, const Bound&) {
  return remainder_is(in, self, Value{int64_t{2}}, 1);
}
Answer even(Interpreter& in, const Value& self, const Bound&) {
  return remainder_is(in, self, Value{int64_t{2}}, 0);
}

/// What tests of two values share: the second one has to be there.
template <typename Holds>
Answer against(Interpreter& in, const Value& self, const Bound& arguments, Holds holds) {
  if (arguments[0] == nullptr) return invalid_argument("test needs an argument");
  LLMD_RETURN_IF_ERROR(in.work(extent_of(*arguments[0]).weight));
  return holds(self, *arguments[0]);
}
Answer divisibleby(Interpreter& in, const Value& self, const Bound& arguments) {
  return against(in, self, arguments,
                 [&](const Value& a, const Value& b) { return remainder_is(in, a, b, 0); });
}
Answer eq(Interpreter& in, const Value& self, const Bound& arguments) {
  return against(in, self, arguments,
                 [](const Value& a, const Value& b) -> Answer { return Value{equal(a, b)}; });
}
Answer ne(Interpreter& in, const Value& self, const Bound& arguments) {
  return against(in, self, arguments,
                 [](const Value& a, const Value& b) -> Answer { return Value{!equal(a, b)}; });
}
Answer contained(Interpreter& in, const Value& self, const Bound& arguments) {
  return against(in, self, arguments, [](const Value& a, const Value& b) -> Answer {
    LLMD_ASSIGN_OR_RETURN(const bool found, contains(b, a));
    return Value{found};
  });
}
Answer sameas(Interpreter& in, const Value& self, const Bound& arguments) {
  return against(in, self, arguments, [](const Value& a, const Value& b) -> Answer {
    return Value{a.data.index() == b.data.index() && equal(a, b)};
  });
}

/// `low` ≤ order ≤ `high`.
Answer ordered(Interpreter& in, const Value& self, const Bound& arguments, int low, int high) {
  return against(in, self, arguments, [&](const Value& a, const Value& b) -> Answer {
    LLMD_ASSIGN_OR_RETURN(const int order, compare(a, b));
    return Value{low <= order && order <= high};
  });
}
Answer lt(Interpreter& in, const Value& self, const Bound& arguments) {
  return ordered(in, self, arguments, -1, -1);
}
Answer le(Interpreter& in, const Value& self, const Bound& arguments) {
  return ordered(in, self, arguments, -1, 0);
}
Answer gt(Interpreter& in, const Value& self, const Bound& arguments) {
  return ordered(in, self, arguments, 1, 1);
}
Answer ge(Interpreter& in, const Value& self, const Bound& arguments) {
  return ordered(in, self, arguments, 0, 1);
}

Answer lower(Interpreter&, const Value& self, const Bound&) {
  const std::string text = to_string(self);
  return Value{to_lower(text) == text && to_upper(text) != text};
}
Answer upper(Interpreter&, const Value& self, const Bound&) {
  const std::string text = to_string(self);
  return Value{to_upper(text) == text && to_lower(text) != text};
}

constexpr Builtin kTests[] = {
    {.name = "defined", .run = defined},
    {.name = "undefined", .run = undefined},
    {.name = "none", .run = none},
    {.name = "string", .run = string},
    {.name = "number", .run = number},
    {.name = "boolean", .run = boolean},
    {.name = "integer", .run = integer},
    {.name = "float", .run = floating},
    {.name = "mapping", .run = mapping},
    {.name = "iterable", .run = iterable},
    {.name = "sequence", .run = iterable},
    {.name = "callable", .run = callable},
    {.name = "true", .run = is_yes},
    {.name = "false", .run = is_no},
    {.name = "odd", .run = odd},
    {.name = "even", .run = even},
    {.name = "divisibleby", .run = divisibleby, .parameters = {"num"}},
    {.name = "eq", .run = eq, .parameters = {"other"}},
    {.name = "equalto", .run = eq, .parameters = {"other"}},
    {.name = "==", .run = eq, .parameters = {"other"}},
    {.name = "ne", .run = ne, .parameters = {"other"}},
    {.name = "!=", .run = ne, .parameters = {"other"}},
    {.name = "lt", .run = lt, .parameters = {"other"}},
    {.name = "lessthan", .run = lt, .parameters = {"other"}},
    {.name = "<", .run = lt, .parameters = {"other"}},
    {.name = "le", .run = le, .parameters = {"other"}},
    {.name = "<=", .run = le, .parameters = {"other"}},
    {.name = "gt", .run = gt, .parameters = {"other"}},
    {.name = "greaterthan", .run = gt, .parameters = {"other"}},
    {.name = ">", .run = gt, .parameters = {"other"}},
    {.name = "ge", .run = ge, .parameters = {"other"}},
    {.name = ">=", .run = ge, .parameters = {"other"}},
    {.name = "in", .run = contained, .parameters = {"seq"}},
    {.name = "sameas", .run = sameas, .parameters = {"other"}},
    {.name = "lower", .run = lower, .walks = true},
    {.name = "upper", .run = upper, .walks = true},
};

}  // namespace

const Builtin* find_test(std::string_view name) {
  const auto at = std::ranges::find(kTests, name, &Builtin::name);
  return at == std::end(kTests) ? nullptr : &*at;
}

}  // namespace llmd::tokenize::jinja
