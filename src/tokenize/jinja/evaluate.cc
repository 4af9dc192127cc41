// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>

#include "tokenize/jinja/arithmetic.h"
#include "tokenize/jinja/interpreter.h"
#include "tokenize/jinja/print.h"

namespace llmd::tokenize::jinja {
namespace {

Result<Value> at_place(Location at, Result<Value> value) {
  if (value) return value;
  return located(at, value.error());
}

Result<bool> holds(Interpreter& in, CompareOp op, const Value& a, const Value& b) {
  LLMD_RETURN_IF_ERROR(in.work(op == CompareOp::kIn || op == CompareOp::kNotIn
                                   ? extent_of(b).weight
                                   : std::min(extent_of(a).weight, extent_of(b).weight)));
  switch (op) {
    case CompareOp::kEq:
      return equal(a, b);
    case CompareOp::kNe:
      return !equal(a, b);
    case CompareOp::kIn:
      return contains(b, a);
    case CompareOp::kNotIn: {
      LLMD_ASSIGN_OR_RETURN(const bool found, contains(b, a));
      return !found;
    }
    default:
      break;
  }
  if (a.is_undefined() || b.is_undefined()) {
    return invalid_argument(*(a.is_undefined() ? a : b).as<Undefined>()->what);
  }
  LLMD_ASSIGN_OR_RETURN(const int order, compare(a, b));
  if (op == CompareOp::kLt) return order == -1;
  if (op == CompareOp::kLe) return order == -1 || order == 0;
  if (op == CompareOp::kGt) return order == 1;
  return order == 1 || order == 0;
}

Result<Value> call(Interpreter& in, const Value& callee, const Arguments& arguments) {
  if (callee.is_undefined()) return invalid_argument(*callee.as<Undefined>()->what);
  const auto* function = callee.as<std::shared_ptr<const Function>>();
  if (function == nullptr) {
    return invalid_argument(fmt::format("'{}' object is not callable", type_name(callee)));
  }
  if ((*function)->macro != nullptr) return in.call_macro(**function, arguments);
  const bool is_global = (*function)->self.is_undefined();
  const Builtin* builtin = is_global ? find_global((*function)->name)
                                     : find_method((*function)->self, (*function)->name);
  return call_builtin(in, *builtin, (*function)->self, arguments);
}

}  // namespace

Result<Value> LiteralExpr::evaluate(Interpreter&, Scope&) const { return value; }

Result<Value> NameExpr::evaluate(Interpreter&, Scope& scope) const {
  if (const Value* found = scope.find(name)) return *found;
  if (find_global(name) != nullptr) {
    return Value{std::make_shared<const Function>(Function{.name = name})};
  }
  return make_undefined(fmt::format("'{}' is undefined", name));
}

Result<Value> ListExpr::evaluate(Interpreter& in, Scope& scope) const {
  List list;
  for (const ExprPtr& item : items) {
    LLMD_ASSIGN_OR_RETURN(Value value, in.evaluate(*item, scope));
    list.push_back(std::move(value));
  }
  return make_list(std::move(list), is_tuple);
}

Result<Value> DictExpr::evaluate(Interpreter& in, Scope& scope) const {
  Dict dict;
  for (const auto& [key_expr, value_expr] : entries) {
    LLMD_ASSIGN_OR_RETURN(Value key, in.evaluate(*key_expr, scope));
    LLMD_ASSIGN_OR_RETURN(Value value, in.evaluate(*value_expr, scope));
    dict.set(std::move(key), std::move(value));
  }
  return make_dict(std::move(dict));
}

Result<Value> UnaryExpr::evaluate(Interpreter& in, Scope& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value value, in.evaluate(*operand, scope));
  if (op == UnaryOp::kNot) return Value{!is_true(value)};
  return at_place(at, apply_sign(op == UnaryOp::kMinus, value));
}

Result<Value> BinaryExpr::evaluate(Interpreter& in, Scope& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value a, in.evaluate(*left, scope));
  LLMD_ASSIGN_OR_RETURN(const Value b, in.evaluate(*right, scope));
  return at_place(at, calculate(in, op, a, b));
}

Result<Value> ConcatExpr::evaluate(Interpreter& in, Scope& scope) const {
  std::string text;
  for (const ExprPtr& part : parts) {
    LLMD_ASSIGN_OR_RETURN(const Value value, in.evaluate(*part, scope));
    LLMD_RETURN_IF_ERROR(in.work(extent_of(value).weight));
    append_string(text, value);
  }
  return make_text(std::move(text));
}

Result<Value> LogicExpr::evaluate(Interpreter& in, Scope& scope) const {
  LLMD_ASSIGN_OR_RETURN(Value value, in.evaluate(*left, scope));
  if (is_true(value) != is_and) return value;
  return in.evaluate(*right, scope);
}

Result<Value> CompareExpr::evaluate(Interpreter& in, Scope& scope) const {
  LLMD_ASSIGN_OR_RETURN(Value a, in.evaluate(*first, scope));
  for (const auto& [op, expr] : rest) {
    LLMD_ASSIGN_OR_RETURN(Value b, in.evaluate(*expr, scope));
    const auto held = holds(in, op, a, b);
    if (!held) return located(at, held.error());
    if (!*held) return Value{false};
    a = std::move(b);
  }
  return Value{true};
}

Result<Value> ConditionExpr::evaluate(Interpreter& in, Scope& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value decides, in.evaluate(*condition, scope));
  if (is_true(decides)) return in.evaluate(*then, scope);
  if (otherwise != nullptr) return in.evaluate(*otherwise, scope);
  return make_undefined("the inline if-expression evaluated to false and no else was given");
}

Result<Value> AttributeExpr::evaluate(Interpreter& in, Scope& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value value, in.evaluate(*object, scope));
  return at_place(at, get_attribute(value, name));
}

Result<Value> SubscriptExpr::evaluate(Interpreter& in, Scope& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value value, in.evaluate(*object, scope));
  LLMD_ASSIGN_OR_RETURN(const Value index, in.evaluate(*key, scope));
  if (value.is_text()) LLMD_RETURN_IF_ERROR(in.work(value.text().size()));
  return at_place(at, get_item(value, index));
}

Result<Value> SliceExpr::evaluate(Interpreter& in, Scope& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value value, in.evaluate(*object, scope));
  SliceBounds bounds;
  for (const auto& [expr, into] : {std::pair{&start, &bounds.start}, std::pair{&stop, &bounds.stop},
                                   std::pair{&step, &bounds.step}}) {
    if (*expr == nullptr) continue;
    LLMD_ASSIGN_OR_RETURN(*into, in.evaluate(**expr, scope));
  }
  const auto size = length(value);
  if (!size) return located(at, size.error());
  LLMD_RETURN_IF_ERROR(in.work(*size * sizeof(Value)));
  return at_place(at, slice(value, bounds));
}

Result<Value> CallExpr::evaluate(Interpreter& in, Scope& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value callee, in.evaluate(*function, scope));
  LLMD_ASSIGN_OR_RETURN(const Arguments values, in.evaluate_arguments(arguments, scope));
  auto result = call(in, callee, values);
  if (result) return result;
  const auto* held = callee.as<std::shared_ptr<const Function>>();
  // A macro's error names its place already, and raise_exception speaks for itself.
  const bool as_it_is =
      held != nullptr && ((*held)->macro != nullptr || (*held)->name == "raise_exception");
  return as_it_is ? result.error() : located(at, result.error());
}

Result<Value> FilterExpr::evaluate(Interpreter& in, Scope& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value value, in.evaluate(*operand, scope));
  LLMD_ASSIGN_OR_RETURN(const Arguments values, in.evaluate_arguments(arguments, scope));
  return at_place(at, call_builtin(in, *builtin, value, values));
}

}  // namespace llmd::tokenize::jinja
