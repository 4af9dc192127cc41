// SPDX-License-Identifier: Apache-2.0
// The parsed template. Expressions know how to evaluate themselves, statements how to run.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tokenize/jinja/builtins.h"
#include "tokenize/jinja/lexer.h"
#include "tokenize/jinja/value.h"

namespace llmd::tokenize::jinja {

class Interpreter;

struct Expr {
  explicit Expr(Location where) : at(where) {}
  virtual ~Expr() = default;
  /// Called by Interpreter::evaluate only, which keeps the limits.
  virtual Result<Value> evaluate(Interpreter& in, Scope& scope) const = 0;
  Location at;
};
using ExprPtr = std::unique_ptr<const Expr>;

enum class Flow : uint8_t { kNormal, kBreak, kContinue };

struct Statement {
  explicit Statement(Location where) : at(where) {}
  virtual ~Statement() = default;
  virtual Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const = 0;
  Location at;
};
using Body = std::vector<std::unique_ptr<const Statement>>;

struct ArgumentExprs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
};

// ── expressions ──

struct LiteralExpr final : Expr {
  LiteralExpr(Location where, Value v) : Expr(where), value(std::move(v)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  Value value;
};

struct NameExpr final : Expr {
  NameExpr(Location where, std::string n) : Expr(where), name(std::move(n)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  std::string name;
};

struct ListExpr final : Expr {
  ListExpr(Location where, std::vector<ExprPtr> all, bool tuple)
      : Expr(where), items(std::move(all)), is_tuple(tuple) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  std::vector<ExprPtr> items;
  bool is_tuple;
};

struct DictExpr final : Expr {
  using Expr::Expr;
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};

enum class UnaryOp : uint8_t { kNot, kMinus, kPlus };

struct UnaryExpr final : Expr {
  UnaryExpr(Location where, UnaryOp o, ExprPtr e) : Expr(where), op(o), operand(std::move(e)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  UnaryOp op;
  ExprPtr operand;
};

enum class BinaryOp : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower
};

struct BinaryExpr final : Expr {
  BinaryExpr(Location where, BinaryOp o, ExprPtr l, ExprPtr r)
      : Expr(where), op(o), left(std::move(l)), right(std::move(r)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  BinaryOp op;
  ExprPtr left;
  ExprPtr right;
};

/// a ~ b ~ c
struct ConcatExpr final : Expr {
  ConcatExpr(Location where, std::vector<ExprPtr> all) : Expr(where), parts(std::move(all)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  std::vector<ExprPtr> parts;
};

/// a and b, a or b: the value of the operand that decides.
struct LogicExpr final : Expr {
  LogicExpr(Location where, bool a, ExprPtr l, ExprPtr r)
      : Expr(where), is_and(a), left(std::move(l)), right(std::move(r)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  bool is_and;
  ExprPtr left;
  ExprPtr right;
};

enum class CompareOp : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };

/// a < b <= c
struct CompareExpr final : Expr {
  CompareExpr(Location where, ExprPtr f) : Expr(where), first(std::move(f)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};

/// a if b else c
struct ConditionExpr final : Expr {
  using Expr::Expr;
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  ExprPtr condition;
  ExprPtr then;
  ExprPtr otherwise;  ///< none: undefined
};

struct AttributeExpr final : Expr {
  AttributeExpr(Location where, ExprPtr o, std::string n)
      : Expr(where), object(std::move(o)), name(std::move(n)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  ExprPtr object;
  std::string name;
};

struct SubscriptExpr final : Expr {
  SubscriptExpr(Location where, ExprPtr o, ExprPtr k)
      : Expr(where), object(std::move(o)), key(std::move(k)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  ExprPtr object;
  ExprPtr key;
};

/// a[start:stop:step], each possibly absent.
struct SliceExpr final : Expr {
  SliceExpr(Location where, ExprPtr o) : Expr(where), object(std::move(o)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  ExprPtr object;
  ExprPtr start;
  ExprPtr stop;
  ExprPtr step;
};

struct CallExpr final : Expr {
  CallExpr(Location where, ExprPtr f, ArgumentExprs a)
      : Expr(where), function(std::move(f)), arguments(std::move(a)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  ExprPtr function;
  ArgumentExprs arguments;
};

/// a | filter(…), or, with `is_test`, a is test(…).
struct FilterExpr final : Expr {
  FilterExpr(Location where, ExprPtr o, const Builtin& b, ArgumentExprs a)
      : Expr(where), operand(std::move(o)), builtin(&b), arguments(std::move(a)) {}
  Result<Value> evaluate(Interpreter& in, Scope& scope) const override;
  ExprPtr operand;  ///< none in a filter block: the block's text
  const Builtin* builtin;
  ArgumentExprs arguments;
};

// ── statements ──

struct TextStatement final : Statement {
  TextStatement(Location where, std::string t) : Statement(where), text(std::move(t)) {}
  Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const override;
  std::string text;
};

struct PrintStatement final : Statement {
  PrintStatement(Location where, ExprPtr e) : Statement(where), value(std::move(e)) {}
  Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const override;
  ExprPtr value;
};

struct IfStatement final : Statement {
  using Statement::Statement;
  Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const override;
  std::vector<std::pair<ExprPtr, Body>> branches;
  Body otherwise;
};

/// What a for loop or a set assigns to: names, or one attribute of a namespace.
struct Target {
  std::vector<std::string> names;
  std::string attribute;  ///< of the namespace names[0]
  bool unpacks = false;   ///< names are a tuple
};

struct ForStatement final : Statement {
  using Statement::Statement;
  Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const override;
  Result<Sequence> select(Interpreter& in, const std::shared_ptr<Scope>& scope) const;
  Target target;
  ExprPtr items;
  ExprPtr filter;
  Body body;
  Body otherwise;
};

struct SetStatement final : Statement {
  using Statement::Statement;
  Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const override;
  Target target;
  ExprPtr value;
};

/// {% set x %}…{% endset %} and {% filter f %}…{% endfilter %}, which prints.
struct CaptureStatement final : Statement {
  using Statement::Statement;
  Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const override;
  std::optional<Target> target;
  std::vector<std::unique_ptr<const FilterExpr>> filters;
  Body body;
};

struct MacroNode {
  std::string name;
  std::vector<std::pair<std::string, ExprPtr>> parameters;  ///< with their defaults, if any
  Body body;
  Location at;
};

struct MacroStatement final : Statement {
  using Statement::Statement;
  Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const override;
  MacroNode macro;
};

/// {% call(args) macro(…) %}…{% endcall %}
struct CallStatement final : Statement {
  using Statement::Statement;
  Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const override;
  MacroNode caller;
  ExprPtr call_as_expr;
  const CallExpr* call = nullptr;  ///< the same
};

/// {% with a = 1 %} and {% generation %}: a body in a scope of its own.
struct ScopeStatement final : Statement {
  using Statement::Statement;
  Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const override;
  std::vector<std::pair<std::string, ExprPtr>> values;
  Body body;
};

struct FlowStatement final : Statement {
  FlowStatement(Location where, Flow f) : Statement(where), flow(f) {}
  Result<Flow> run(Interpreter& in, const std::shared_ptr<Scope>& scope) const override;
  Flow flow;
};

}  // namespace llmd::tokenize::jinja
