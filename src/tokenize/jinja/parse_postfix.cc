// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "tokenize/jinja/parser.h"

namespace llmd::tokenize::jinja {
namespace {

constexpr int kPostfixMax = 100;

}  // namespace

Result<ExprPtr> ExprParser::parse_postfix(ExprPtr expr) {
  for (int links = 0; links < kPostfixMax; ++links) {
    if (is_operator(".")) {
      LLMD_ASSIGN_OR_RETURN(expr, parse_dot(std::move(expr)));
    } else if (is_operator("[")) {
      LLMD_ASSIGN_OR_RETURN(expr, parse_subscript(std::move(expr)));
    } else if (is_operator("(")) {
      const Location at = peek().at;
      LLMD_ASSIGN_OR_RETURN(ArgumentExprs arguments, parse_arguments());
      expr = std::make_unique<const CallExpr>(at, std::move(expr), std::move(arguments));
    } else {
      return expr;
    }
  }
  return fail(peek().at, "expression too long");
}

Result<ExprPtr> ExprParser::parse_dot(ExprPtr object) {
  next();
  const Token& token = next();
  if (token.kind == TokenKind::kName) {
    return ExprPtr(std::make_unique<const AttributeExpr>(token.at, std::move(object), token.value));
  }
  if (token.kind != TokenKind::kInteger || token.value.size() > 9) {
    return fail(token.at, "expected a name or a number behind '.'");
  }
  auto index =
      std::make_unique<const LiteralExpr>(token.at, Value{int64_t{std::stoi(token.value)}});
  return ExprPtr(
      std::make_unique<const SubscriptExpr>(token.at, std::move(object), std::move(index)));
}

Result<ExprPtr> ExprParser::parse_subscript(ExprPtr object) {
  const Location at = next().at;
  auto slice = std::make_unique<SliceExpr>(at, std::move(object));
  ExprPtr* const parts[] = {&slice->start, &slice->stop, &slice->step};
  int colons = 0;
  while (!is_operator("]")) {
    if (is_operator(":") && colons < 2) {
      next();
      ++colons;
    } else if (*parts[colons] == nullptr) {
      LLMD_ASSIGN_OR_RETURN(*parts[colons], parse_expression());
    } else {
      return unexpected("']'");
    }
  }
  next();
  if (colons > 0) return ExprPtr(std::move(slice));
  if (slice->start == nullptr) return fail(at, "expected a subscript");
  return ExprPtr(
      std::make_unique<const SubscriptExpr>(at, std::move(slice->object), std::move(slice->start)));
}

Result<ArgumentExprs> ExprParser::parse_arguments() {
  LLMD_RETURN_IF_ERROR(expect_operator("("));
  ArgumentExprs arguments;
  bool is_first = true;
  while (!take_operator(")")) {
    if (!std::exchange(is_first, false)) LLMD_RETURN_IF_ERROR(expect_operator(","));
    if (take_operator(")")) break;
    if (is_operator("*") || is_operator("**")) {
      return fail(peek().at, "unpacking arguments with * is not supported");
    }
    std::string name;
    if (peek().kind == TokenKind::kName && is_operator("=", 1)) {
      name = next().value;
      next();
    } else if (!arguments.named.empty()) {
      return fail(peek().at, "positional argument behind a keyword argument");
    }
    LLMD_ASSIGN_OR_RETURN(ExprPtr value, parse_expression());
    if (name.empty()) {
      arguments.positional.push_back(std::move(value));
    } else {
      arguments.named.emplace_back(std::move(name), std::move(value));
    }
  }
  return arguments;
}

Result<ExprPtr> ExprParser::parse_filters(ExprPtr expr) {
  for (int links = 0; links < kPostfixMax; ++links) {
    if (take_operator("|")) {
      LLMD_ASSIGN_OR_RETURN(expr, parse_filter(std::move(expr)));
    } else if (take_word("is")) {
      LLMD_ASSIGN_OR_RETURN(expr, parse_test(std::move(expr)));
    } else if (is_operator("(")) {
      const Location at = peek().at;
      LLMD_ASSIGN_OR_RETURN(ArgumentExprs arguments, parse_arguments());
      expr = std::make_unique<const CallExpr>(at, std::move(expr), std::move(arguments));
    } else {
      return expr;
    }
  }
  return fail(peek().at, "expression too long");
}

Result<std::unique_ptr<const FilterExpr>> ExprParser::parse_filter(ExprPtr operand) {
  const Location at = peek().at;
  LLMD_ASSIGN_OR_RETURN(const std::string name, expect_name("a filter's name"));
  const Builtin* builtin = find_filter(name);
  if (builtin == nullptr) return fail(at, fmt::format("filter '{}' is not supported", name));
  ArgumentExprs arguments;
  if (is_operator("(")) {
    LLMD_ASSIGN_OR_RETURN(arguments, parse_arguments());
  }
  return std::make_unique<const FilterExpr>(at, std::move(operand), *builtin, std::move(arguments));
}

Result<ExprPtr> ExprParser::parse_test(ExprPtr operand) {
  const bool negated = take_word("not");
  const Location at = peek().at;
  LLMD_ASSIGN_OR_RETURN(const std::string name, expect_name("a test's name"));
  const Builtin* builtin = find_test(name);
  if (builtin == nullptr) return fail(at, fmt::format("test '{}' is not supported", name));
  LLMD_ASSIGN_OR_RETURN(ArgumentExprs arguments, parse_test_arguments());
  ExprPtr test =
      std::make_unique<const FilterExpr>(at, std::move(operand), *builtin, std::move(arguments));
  if (!negated) return test;
  return ExprPtr(std::make_unique<const UnaryExpr>(at, UnaryOp::kNot, std::move(test)));
}

/// In brackets, or one argument without: `x is divisibleby 3`.
Result<ArgumentExprs> ExprParser::parse_test_arguments() {
  if (is_operator("(")) return parse_arguments();
  ArgumentExprs arguments;
  const TokenKind kind = peek().kind;
  const bool is_keyword = is_word("else") || is_word("or") || is_word("and") || is_word("if") ||
                          is_word("is") || is_word("not") || is_word("in");
  const bool begins = (kind == TokenKind::kName && !is_keyword) || kind == TokenKind::kString ||
                      kind == TokenKind::kInteger || kind == TokenKind::kFloat ||
                      is_operator("[") || is_operator("{");
  if (!begins) return arguments;
  const Nesting nesting(*this);
  LLMD_RETURN_IF_ERROR(nesting.check());
  LLMD_ASSIGN_OR_RETURN(ExprPtr argument, parse_primary());
  LLMD_ASSIGN_OR_RETURN(argument, parse_postfix(std::move(argument)));
  arguments.positional.push_back(std::move(argument));
  return arguments;
}

}  // namespace llmd::tokenize::jinja
