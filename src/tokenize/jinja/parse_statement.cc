// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <span>

#include "tokenize/jinja/parser.h"

namespace llmd::tokenize::jinja {
namespace {

constexpr int kBlocksNestedMax = 50;

using StatementPtr = std::unique_ptr<const Statement>;
using StatementResult = Result<StatementPtr>;
using Words = std::span<const std::string_view>;

class StatementParser final : public ExprParser {
 public:
  using ExprParser::ExprParser;

  Result<Body> parse_template() {
    LLMD_ASSIGN_OR_RETURN(Body body, parse_body({}));
    if (peek().kind != TokenKind::kEnd) {
      return fail(peek(1).at, fmt::format("'{}' closes nothing that is open", peek(1).value));
    }
    return body;
  }

 private:
  /// Statements up to a block tag whose word is one of `ends`, which is left to be read. An end
  /// word that is not asked for ends the body, too: the caller complains.
  Result<Body> parse_body(Words ends) {
    Body body;
    if (++blocks_ > kBlocksNestedMax) return fail(peek().at, "blocks nested too deep");
    while (peek().kind != TokenKind::kEnd && !at_end_word(ends)) {
      LLMD_ASSIGN_OR_RETURN(StatementPtr statement, parse_statement());
      body.push_back(std::move(statement));
    }
    --blocks_;
    return body;
  }

  bool at_end_word(Words ends) const {
    if (peek().kind != TokenKind::kBlockBegin || peek(1).kind != TokenKind::kName) return false;
    const std::string& word = peek(1).value;
    return word.starts_with("end") || word == "else" || word == "elif" ||
           std::ranges::find(ends, word) != ends.end();
  }

  /// The body between a tag that has just been read and {% end %}.
  Result<Body> parse_block(std::string_view end) {
    LLMD_RETURN_IF_ERROR(close_tag());
    LLMD_ASSIGN_OR_RETURN(Body body, parse_body({&end, 1}));
    LLMD_RETURN_IF_ERROR(open_tag(end));
    LLMD_RETURN_IF_ERROR(close_tag());
    return body;
  }

  Result<void> open_tag(std::string_view word) {
    if (peek().kind != TokenKind::kBlockBegin || !is_word(word, 1)) {
      const Location at = peek().kind == TokenKind::kBlockBegin ? peek(1).at : peek().at;
      return fail(at, fmt::format("expected {{% {} %}}", word));
    }
    next();
    next();
    return {};
  }

  Result<void> close_tag() {
    if (peek().kind != TokenKind::kBlockEnd) return unexpected("%}");
    next();
    return {};
  }

  StatementResult parse_statement() {
    const Token& token = next();
    if (token.kind == TokenKind::kText) {
      return StatementPtr(std::make_unique<const TextStatement>(token.at, token.value));
    }
    if (token.kind == TokenKind::kPrintBegin) {
      LLMD_ASSIGN_OR_RETURN(ExprPtr value, parse_tuple());
      if (peek().kind != TokenKind::kPrintEnd) return unexpected("}}");
      next();
      return StatementPtr(std::make_unique<const PrintStatement>(token.at, std::move(value)));
    }
    return parse_tag();
  }

  StatementResult parse_tag() {
    const Location at = peek().at;
    LLMD_ASSIGN_OR_RETURN(const std::string word, expect_name("a statement"));
    if (word == "if") return parse_if(at);
    if (word == "for") return parse_for(at);
    if (word == "set") return parse_set(at);
    if (word == "macro") return parse_macro(at);
    if (word == "call") return parse_call(at);
    if (word == "filter") return parse_filter_block(at);
    if (word == "generation") return parse_generation(at);
    if (word == "with") return parse_with(at);
    if (word == "break" || word == "continue") {
      if (loops_ == 0) return fail(at, fmt::format("'{}' outside of a loop", word));
      LLMD_RETURN_IF_ERROR(close_tag());
      return StatementPtr(std::make_unique<const FlowStatement>(
          at, word == "break" ? Flow::kBreak : Flow::kContinue));
    }
    return fail(at, fmt::format("statement '{}' is not supported", word));
  }

  StatementResult parse_if(Location at) {
    auto statement = std::make_unique<IfStatement>(at);
    do {
      LLMD_ASSIGN_OR_RETURN(ExprPtr condition, parse_tuple());
      LLMD_RETURN_IF_ERROR(close_tag());
      LLMD_ASSIGN_OR_RETURN(Body body, parse_body({}));
      statement->branches.emplace_back(std::move(condition), std::move(body));
    } while (take_tag("elif"));
    LLMD_ASSIGN_OR_RETURN(statement->otherwise, parse_else("endif"));
    return StatementPtr(std::move(statement));
  }

  bool take_tag(std::string_view word) {
    if (peek().kind != TokenKind::kBlockBegin || !is_word(word, 1)) return false;
    next();
    next();
    return true;
  }

  /// An else branch, if there is one, and the end tag.
  Result<Body> parse_else(std::string_view end) {
    Body body;
    if (take_tag("else")) {
      LLMD_RETURN_IF_ERROR(close_tag());
      LLMD_ASSIGN_OR_RETURN(body, parse_body({}));
    }
    LLMD_RETURN_IF_ERROR(open_tag(end));
    LLMD_RETURN_IF_ERROR(close_tag());
    return body;
  }

  Result<Target> parse_target() {
    Target target;
    const bool in_brackets = take_operator("(");
    do {
      if (target.unpacks && !(peek().kind == TokenKind::kName && !is_word("in"))) break;
      LLMD_ASSIGN_OR_RETURN(std::string name, expect_name("a name to assign to"));
      if (name == "true" || name == "false" || name == "none" || name == "loop") {
        return fail(peek().at, fmt::format("cannot assign to '{}'", name));
      }
      target.names.push_back(std::move(name));
      target.unpacks = target.unpacks || is_operator(",");
    } while (take_operator(","));
    if (in_brackets) LLMD_RETURN_IF_ERROR(expect_operator(")"));
    return target;
  }

  StatementResult parse_for(Location at) {
    auto statement = std::make_unique<ForStatement>(at);
    LLMD_ASSIGN_OR_RETURN(statement->target, parse_target());
    if (!take_word("in")) return unexpected("'in'");
    LLMD_ASSIGN_OR_RETURN(statement->items, parse_tuple(false));
    if (take_word("if")) {
      LLMD_ASSIGN_OR_RETURN(statement->filter, parse_expression());
    }
    if (is_word("recursive")) return fail(peek().at, "recursive loops are not supported");
    LLMD_RETURN_IF_ERROR(close_tag());
    ++loops_;
    LLMD_ASSIGN_OR_RETURN(statement->body, parse_body({}));
    --loops_;
    LLMD_ASSIGN_OR_RETURN(statement->otherwise, parse_else("endfor"));
    return StatementPtr(std::move(statement));
  }

  StatementResult parse_set(Location at) {
    LLMD_ASSIGN_OR_RETURN(Target target, parse_target());
    if (target.names.size() == 1 && !target.unpacks && take_operator(".")) {
      LLMD_ASSIGN_OR_RETURN(target.attribute, expect_name("an attribute's name"));
    }
    if (!take_operator("=")) return parse_set_block(at, std::move(target));
    auto statement = std::make_unique<SetStatement>(at);
    statement->target = std::move(target);
    LLMD_ASSIGN_OR_RETURN(statement->value, parse_tuple());
    LLMD_RETURN_IF_ERROR(close_tag());
    return StatementPtr(std::move(statement));
  }

  StatementResult parse_set_block(Location at, Target target) {
    auto statement = std::make_unique<CaptureStatement>(at);
    statement->target = std::move(target);
    while (take_operator("|")) {
      LLMD_RETURN_IF_ERROR(add_filter(*statement));
    }
    LLMD_ASSIGN_OR_RETURN(statement->body, parse_block("endset"));
    return StatementPtr(std::move(statement));
  }

  StatementResult parse_filter_block(Location at) {
    auto statement = std::make_unique<CaptureStatement>(at);
    do {
      LLMD_RETURN_IF_ERROR(add_filter(*statement));
    } while (take_operator("|"));
    LLMD_ASSIGN_OR_RETURN(statement->body, parse_block("endfilter"));
    return StatementPtr(std::move(statement));
  }

  Result<void> add_filter(CaptureStatement& statement) {
    LLMD_ASSIGN_OR_RETURN(auto filter, parse_filter(nullptr));
    statement.filters.push_back(std::move(filter));
    return {};
  }

  Result<void> parse_parameters(MacroNode& macro) {
    LLMD_RETURN_IF_ERROR(expect_operator("("));
    while (!take_operator(")")) {
      if (!macro.parameters.empty()) LLMD_RETURN_IF_ERROR(expect_operator(","));
      if (!macro.parameters.empty() && take_operator(")")) break;
      LLMD_ASSIGN_OR_RETURN(std::string name, expect_name("a parameter's name"));
      ExprPtr fallback;
      if (take_operator("=")) {
        LLMD_ASSIGN_OR_RETURN(fallback, parse_expression());
      }
      macro.parameters.emplace_back(std::move(name), std::move(fallback));
    }
    return {};
  }

  /// A loop around a macro is none for its body.
  Result<Body> parse_macro_body(std::string_view end) {
    const int outer_loops = std::exchange(loops_, 0);
    auto body = parse_block(end);
    loops_ = outer_loops;
    return body;
  }

  StatementResult parse_macro(Location at) {
    auto statement = std::make_unique<MacroStatement>(at);
    statement->macro.at = at;
    LLMD_ASSIGN_OR_RETURN(statement->macro.name, expect_name("a macro's name"));
    LLMD_RETURN_IF_ERROR(parse_parameters(statement->macro));
    LLMD_ASSIGN_OR_RETURN(statement->macro.body, parse_macro_body("endmacro"));
    return StatementPtr(std::move(statement));
  }

  StatementResult parse_call(Location at) {
    auto statement = std::make_unique<CallStatement>(at);
    statement->caller.at = at;
    statement->caller.name = "caller";
    if (is_operator("(")) LLMD_RETURN_IF_ERROR(parse_parameters(statement->caller));
    LLMD_ASSIGN_OR_RETURN(ExprPtr call, parse_expression());
    statement->call_as_expr = std::move(call);
    statement->call = dynamic_cast<const CallExpr*>(statement->call_as_expr.get());
    if (statement->call == nullptr) return fail(at, "a call block needs a macro to call");
    LLMD_ASSIGN_OR_RETURN(statement->caller.body, parse_macro_body("endcall"));
    return StatementPtr(std::move(statement));
  }

  /// transformers' mark for what the assistant generates; its body prints as it is.
  StatementResult parse_generation(Location at) {
    auto statement = std::make_unique<ScopeStatement>(at);
    LLMD_ASSIGN_OR_RETURN(statement->body, parse_block("endgeneration"));
    return StatementPtr(std::move(statement));
  }

  StatementResult parse_with(Location at) {
    auto statement = std::make_unique<ScopeStatement>(at);
    while (peek().kind != TokenKind::kBlockEnd) {
      if (!statement->values.empty()) LLMD_RETURN_IF_ERROR(expect_operator(","));
      LLMD_ASSIGN_OR_RETURN(std::string name, expect_name("a name to assign to"));
      LLMD_RETURN_IF_ERROR(expect_operator("="));
      LLMD_ASSIGN_OR_RETURN(ExprPtr value, parse_expression());
      statement->values.emplace_back(std::move(name), std::move(value));
    }
    LLMD_ASSIGN_OR_RETURN(statement->body, parse_block("endwith"));
    return StatementPtr(std::move(statement));
  }

  int blocks_ = 0;
  int loops_ = 0;
};

}  // namespace

Result<Body> parse(std::string_view source) {
  LLMD_ASSIGN_OR_RETURN(std::vector<Token> tokens, tokenize(source));
  return StatementParser(std::move(tokens)).parse_template();
}

}  // namespace llmd::tokenize::jinja
