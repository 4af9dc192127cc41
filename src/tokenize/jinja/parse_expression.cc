// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <charconv>

#include "tokenize/jinja/parser.h"

namespace llmd::tokenize::jinja {
namespace {

constexpr int kNestingMax = 60;
constexpr int kLinksMax = 100;  ///< operators, subscripts or filters in one chain

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kPrintEnd:
      return "}}";
    case TokenKind::kBlockEnd:
      return "%}";
    case TokenKind::kEnd:
      return "end of template";
    case TokenKind::kString:
      return fmt::format("string '{}'", token.value.substr(0, 32));
    default:
      return fmt::format("'{}'", token.value.substr(0, 32));
  }
}

}  // namespace

Result<void> TokenCursor::expect_operator(std::string_view symbol) {
  if (!take_operator(symbol)) return unexpected(fmt::format("'{}'", symbol));
  return {};
}

Result<std::string> TokenCursor::expect_name(std::string_view what) {
  if (peek().kind != TokenKind::kName) return unexpected(what);
  return next().value;
}

Error TokenCursor::unexpected(std::string_view expected) const {
  return fail(peek().at, fmt::format("expected {}, found {}", expected, describe(peek())));
}

Result<void> ExprParser::Nesting::check() const {
  if (parser_.nesting_ <= kNestingMax) return {};
  return fail(parser_.peek().at, "expression nested too deep");
}

Result<void> ExprParser::count_link(int& links) const {
  if (++links > kLinksMax) return fail(peek().at, "expression too long");
  return {};
}

Result<ExprPtr> ExprParser::parse_expression() {
  const Nesting nesting(*this);
  LLMD_RETURN_IF_ERROR(nesting.check());
  LLMD_ASSIGN_OR_RETURN(ExprPtr expr, parse_or());
  int links = 0;
  while (is_word("if")) {
    LLMD_RETURN_IF_ERROR(count_link(links));
    auto condition = std::make_unique<ConditionExpr>(next().at);
    condition->then = std::move(expr);
    LLMD_ASSIGN_OR_RETURN(condition->condition, parse_or());
    if (take_word("else")) {
      LLMD_ASSIGN_OR_RETURN(condition->otherwise, parse_expression());
    }
    expr = std::move(condition);
  }
  return expr;
}

Result<ExprPtr> ExprParser::parse_tuple(bool with_condition) {
  const Location at = peek().at;
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  while (true) {
    const bool ends = peek().kind == TokenKind::kPrintEnd || peek().kind == TokenKind::kBlockEnd ||
                      is_operator(")") || is_operator("=") || is_word("in");
    if (ends && is_tuple) break;
    LLMD_ASSIGN_OR_RETURN(ExprPtr item, with_condition ? parse_expression() : parse_or());
    items.push_back(std::move(item));
    if (!take_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) return std::move(items[0]);
  return ExprPtr(std::make_unique<const ListExpr>(at, std::move(items), true));
}

Result<ExprPtr> ExprParser::parse_or() {
  LLMD_ASSIGN_OR_RETURN(ExprPtr left, parse_and());
  int links = 0;
  while (is_word("or")) {
    LLMD_RETURN_IF_ERROR(count_link(links));
    const Location at = next().at;
    LLMD_ASSIGN_OR_RETURN(ExprPtr right, parse_and());
    left = std::make_unique<const LogicExpr>(at, false, std::move(left), std::move(right));
  }
  return left;
}

Result<ExprPtr> ExprParser::parse_and() {
  LLMD_ASSIGN_OR_RETURN(ExprPtr left, parse_not());
  int links = 0;
  while (is_word("and")) {
    LLMD_RETURN_IF_ERROR(count_link(links));
    const Location at = next().at;
    LLMD_ASSIGN_OR_RETURN(ExprPtr right, parse_not());
    left = std::make_unique<const LogicExpr>(at, true, std::move(left), std::move(right));
  }
  return left;
}

Result<ExprPtr> ExprParser::parse_not() {
  if (!is_word("not")) return parse_compare();
  const Nesting nesting(*this);
  LLMD_RETURN_IF_ERROR(nesting.check());
  const Location at = next().at;
  LLMD_ASSIGN_OR_RETURN(ExprPtr operand, parse_not());
  return ExprPtr(std::make_unique<const UnaryExpr>(at, UnaryOp::kNot, std::move(operand)));
}

bool ExprParser::take_compare_op(CompareOp& op) {
  constexpr std::pair<std::string_view, CompareOp> kOps[] = {
      {"==", CompareOp::kEq}, {"!=", CompareOp::kNe}, {"<", CompareOp::kLt},
      {"<=", CompareOp::kLe}, {">", CompareOp::kGt},  {">=", CompareOp::kGe}};
  for (const auto& [symbol, found] : kOps) {
    if (take_operator(symbol)) return op = found, true;
  }
  if (take_word("in")) return op = CompareOp::kIn, true;
  if (is_word("not") && is_word("in", 1)) {
    next();
    next();
    return op = CompareOp::kNotIn, true;
  }
  return false;
}

Result<ExprPtr> ExprParser::parse_compare() {
  const Location at = peek().at;
  LLMD_ASSIGN_OR_RETURN(ExprPtr first, parse_sum());
  CompareOp op{};
  if (!take_compare_op(op)) return first;
  auto compare = std::make_unique<CompareExpr>(at, std::move(first));
  do {
    LLMD_ASSIGN_OR_RETURN(ExprPtr operand, parse_sum());
    compare->rest.emplace_back(op, std::move(operand));
  } while (take_compare_op(op));
  return ExprPtr(std::move(compare));
}

Result<ExprPtr> ExprParser::parse_sum() {
  LLMD_ASSIGN_OR_RETURN(ExprPtr left, parse_concat());
  int links = 0;
  while (is_operator("+") || is_operator("-")) {
    LLMD_RETURN_IF_ERROR(count_link(links));
    const Token& token = next();
    const auto op = token.value == "+" ? BinaryOp::kAdd : BinaryOp::kSubtract;
    LLMD_ASSIGN_OR_RETURN(ExprPtr right, parse_concat());
    left = std::make_unique<const BinaryExpr>(token.at, op, std::move(left), std::move(right));
  }
  return left;
}

Result<ExprPtr> ExprParser::parse_concat() {
  const Location at = peek().at;
  LLMD_ASSIGN_OR_RETURN(ExprPtr first, parse_product());
  if (!is_operator("~")) return first;
  std::vector<ExprPtr> parts;
  parts.push_back(std::move(first));
  while (take_operator("~")) {
    LLMD_ASSIGN_OR_RETURN(ExprPtr part, parse_product());
    parts.push_back(std::move(part));
  }
  return ExprPtr(std::make_unique<const ConcatExpr>(at, std::move(parts)));
}

Result<ExprPtr> ExprParser::parse_product() {
  LLMD_ASSIGN_OR_RETURN(ExprPtr left, parse_power());
  int links = 0;
  while (is_operator("*") || is_operator("/") || is_operator("//") || is_operator("%")) {
    LLMD_RETURN_IF_ERROR(count_link(links));
    const Token& token = next();
    const auto op = token.value == "*"    ? BinaryOp::kMultiply
                    : token.value == "/"  ? BinaryOp::kDivide
                    : token.value == "//" ? BinaryOp::kFloorDivide
                                          : BinaryOp::kModulo;
    LLMD_ASSIGN_OR_RETURN(ExprPtr right, parse_power());
    left = std::make_unique<const BinaryExpr>(token.at, op, std::move(left), std::move(right));
  }
  return left;
}

Result<ExprPtr> ExprParser::parse_power() {
  LLMD_ASSIGN_OR_RETURN(ExprPtr left, parse_unary(true));
  int links = 0;
  while (is_operator("**")) {
    LLMD_RETURN_IF_ERROR(count_link(links));
    const Location at = next().at;
    LLMD_ASSIGN_OR_RETURN(ExprPtr right, parse_unary(true));
    left =
        std::make_unique<const BinaryExpr>(at, BinaryOp::kPower, std::move(left), std::move(right));
  }
  return left;
}

Result<ExprPtr> ExprParser::parse_unary(bool with_filters) {
  const Nesting nesting(*this);
  LLMD_RETURN_IF_ERROR(nesting.check());
  ExprPtr expr;
  if (is_operator("-") || is_operator("+")) {
    const Token& token = next();
    const auto op = token.value == "-" ? UnaryOp::kMinus : UnaryOp::kPlus;
    LLMD_ASSIGN_OR_RETURN(ExprPtr operand, parse_unary(false));
    expr = std::make_unique<const UnaryExpr>(token.at, op, std::move(operand));
  } else {
    LLMD_ASSIGN_OR_RETURN(expr, parse_primary());
  }
  LLMD_ASSIGN_OR_RETURN(expr, parse_postfix(std::move(expr)));
  if (!with_filters) return expr;
  return parse_filters(std::move(expr));
}

Result<ExprPtr> ExprParser::parse_primary() {
  switch (peek().kind) {
    case TokenKind::kName:
      return parse_name();
    case TokenKind::kString:
      return parse_strings();
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return parse_number();
    default:
      break;
  }
  if (is_operator("(")) return parse_parenthesis();
  if (is_operator("[")) return parse_list();
  if (is_operator("{")) return parse_dict();
  return unexpected("an expression");
}

Result<ExprPtr> ExprParser::parse_name() {
  const Token& token = next();
  const std::string& name = token.value;
  const auto literal = [&](Value value) {
    return ExprPtr(std::make_unique<const LiteralExpr>(token.at, std::move(value)));
  };
  if (name == "true" || name == "True") return literal({true});
  if (name == "false" || name == "False") return literal({false});
  if (name == "none" || name == "None") return literal(make_none());
  return ExprPtr(std::make_unique<const NameExpr>(token.at, name));
}

Result<ExprPtr> ExprParser::parse_number() {
  const Token& token = next();
  const char* end = token.value.data() + token.value.size();
  Value value;
  int64_t whole = 0;
  if (token.kind == TokenKind::kInteger) {
    if (std::from_chars(token.value.data(), end, whole).ec != std::errc()) {
      return fail(token.at, "integer does not fit into 64 bits");
    }
    value = {whole};
  } else {
    double number = 0;
    std::from_chars(token.value.data(), end, number);
    value = {number};
  }
  return ExprPtr(std::make_unique<const LiteralExpr>(token.at, std::move(value)));
}

/// Strings that stand side by side are one.
Result<ExprPtr> ExprParser::parse_strings() {
  const Location at = peek().at;
  std::string text;
  while (peek().kind == TokenKind::kString) text += next().value;
  return ExprPtr(std::make_unique<const LiteralExpr>(at, make_text(std::move(text))));
}

Result<ExprPtr> ExprParser::parse_parenthesis() {
  const Location at = next().at;
  if (take_operator(")")) {
    return ExprPtr(std::make_unique<const ListExpr>(at, std::vector<ExprPtr>(), true));
  }
  LLMD_ASSIGN_OR_RETURN(ExprPtr inner, parse_tuple());
  LLMD_RETURN_IF_ERROR(expect_operator(")"));
  return inner;
}

Result<ExprPtr> ExprParser::parse_list() {
  const Location at = next().at;
  std::vector<ExprPtr> items;
  while (!take_operator("]")) {
    if (!items.empty()) LLMD_RETURN_IF_ERROR(expect_operator(","));
    if (!items.empty() && take_operator("]")) break;
    LLMD_ASSIGN_OR_RETURN(ExprPtr item, parse_expression());
    items.push_back(std::move(item));
  }
  return ExprPtr(std::make_unique<const ListExpr>(at, std::move(items), false));
}

Result<ExprPtr> ExprParser::parse_dict() {
  auto dict = std::make_unique<DictExpr>(next().at);
  while (!take_operator("}")) {
    if (!dict->entries.empty()) LLMD_RETURN_IF_ERROR(expect_operator(","));
    if (!dict->entries.empty() && take_operator("}")) break;
    LLMD_ASSIGN_OR_RETURN(ExprPtr key, parse_expression());
    LLMD_RETURN_IF_ERROR(expect_operator(":"));
    LLMD_ASSIGN_OR_RETURN(ExprPtr value, parse_expression());
    dict->entries.emplace_back(std::move(key), std::move(value));
  }
  return ExprPtr(std::move(dict));
}

}  // namespace llmd::tokenize::jinja
