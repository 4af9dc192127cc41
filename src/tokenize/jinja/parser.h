// SPDX-License-Identifier: Apache-2.0
// Tokens to the tree of statements.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenize/jinja/ast.h"
#include "tokenize/jinja/lexer.h"

namespace llmd::tokenize::jinja {

Result<Body> parse(std::string_view source);

/// Where parsing stands, and the steps that expressions and statements share.
class TokenCursor {
 public:
  explicit TokenCursor(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  const Token& next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool is_operator(std::string_view symbol, size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kOperator && peek(ahead).value == symbol;
  }
  bool is_word(std::string_view word, size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kName && peek(ahead).value == word;
  }
  bool take_operator(std::string_view symbol) { return is_operator(symbol) && (++at_, true); }
  bool take_word(std::string_view word) { return is_word(word) && (++at_, true); }
  Result<void> expect_operator(std::string_view symbol);
  Result<std::string> expect_name(std::string_view what);
  Error unexpected(std::string_view expected) const;

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

/// Precedence, loosest first: if-else, or, and, not, comparisons, + -, ~, * / // %, **, sign,
/// postfix, filters and tests.
class ExprParser : public TokenCursor {
 public:
  using TokenCursor::TokenCursor;

 protected:
  Result<ExprPtr> parse_expression();
  /// Without if-else, as the items of a for loop are.
  Result<ExprPtr> parse_or();
  /// One expression, or several between commas as a tuple.
  Result<ExprPtr> parse_tuple(bool with_condition = true);
  Result<ArgumentExprs> parse_arguments();
  Result<std::unique_ptr<const FilterExpr>> parse_filter(ExprPtr operand);

 private:
  /// One level of brackets or prefixes around an expression.
  class Nesting {
   public:
    explicit Nesting(ExprParser& parser) : parser_(parser) { ++parser_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --parser_.nesting_; }
    Result<void> check() const;

   private:
    ExprParser& parser_;
  };

  Result<ExprPtr> parse_and();
  Result<ExprPtr> parse_not();
  Result<ExprPtr> parse_compare();
  bool take_compare_op(CompareOp& op);
  Result<ExprPtr> parse_sum();
  Result<ExprPtr> parse_concat();
  Result<ExprPtr> parse_product();
  Result<ExprPtr> parse_power();
  Result<ExprPtr> parse_unary(bool with_filters);
  Result<ExprPtr> parse_primary();
  Result<ExprPtr> parse_name();
  Result<ExprPtr> parse_number();
  Result<ExprPtr> parse_strings();
  Result<ExprPtr> parse_parenthesis();
  Result<ExprPtr> parse_list();
  Result<ExprPtr> parse_dict();
  Result<ExprPtr> parse_postfix(ExprPtr expr);
  Result<ExprPtr> parse_dot(ExprPtr object);
  Result<ExprPtr> parse_subscript(ExprPtr object);
  Result<ExprPtr> parse_filters(ExprPtr expr);
  Result<ExprPtr> parse_test(ExprPtr operand);
  Result<ArgumentExprs> parse_test_arguments();
  Result<void> count_link(int& links) const;

  int nesting_ = 0;
};

}  // namespace llmd::tokenize::jinja
