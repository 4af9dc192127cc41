// SPDX-License-Identifier: Apache-2.0
#include "tokenize/jinja/interpreter.h"

#include <fmt/core.h>

#include <algorithm>

namespace llmd::tokenize::jinja {
namespace {

constexpr int kDepthMax = 400;
constexpr int kValueDepthMax = 100;
constexpr size_t kOutputBytesMax = 64 * 1024 * 1024;
constexpr uint64_t kWorkPerStep = 100;

}  // namespace

const Value* Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
    for (const auto& [known, value] : scope->variables) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(std::string_view name, Value value) {
  const auto at = std::ranges::find_if(variables, [&](auto& v) { return v.first == name; });
  if (at == variables.end()) {
    variables.emplace_back(name, std::move(value));
  } else {
    at->second = std::move(value);
  }
}

/// One level of recursion.
class Interpreter::Level {
 public:
  explicit Level(Interpreter& in) : in_(in) { ++in_.depth_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { --in_.depth_; }

 private:
  Interpreter& in_;
};

Interpreter::~Interpreter() {
  for (const auto& ns : namespaces_) ns->attributes.clear();
  for (const auto& scope : macro_scopes_) scope->variables.clear();
}

Result<std::string> Interpreter::render(const Body& body, const Dict& context) {
  std::string out;
  out_ = &out;
  const auto globals = std::make_shared<Scope>();
  for (const auto& [name, value] : context.entries) globals->set(name.text(), value);
  const auto top = std::make_shared<Scope>(globals);
  LLMD_ASSIGN_OR_RETURN([[maybe_unused]] const Flow flow, run(body, top));
  return out;
}

Result<Value> Interpreter::evaluate(const Expr& expr, Scope& scope) {
  const Level level(*this);
  if (depth_ > kDepthMax) return fail(expr.at, "nested too deep");
  LLMD_RETURN_IF_ERROR(work(kWorkPerStep));
  auto value = expr.evaluate(*this, scope);
  if (value && extent_of(*value).depth > kValueDepthMax) {
    return fail(expr.at, "value nested too deep");
  }
  return value;
}

Result<Flow> Interpreter::run(const Body& body, const std::shared_ptr<Scope>& scope) {
  const Level level(*this);
  for (const auto& statement : body) {
    if (depth_ > kDepthMax) return fail(statement->at, "nested too deep");
    LLMD_RETURN_IF_ERROR(work(kWorkPerStep));
    LLMD_ASSIGN_OR_RETURN(const Flow flow, statement->run(*this, scope));
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Result<std::string> Interpreter::capture(const Body& body, const std::shared_ptr<Scope>& scope,
                                         Flow& flow) {
  std::string text;
  std::string* const outer = std::exchange(out_, &text);
  auto ran = run(body, scope);
  out_ = outer;
  if (!ran) return ran.error();
  flow = *ran;
  return text;
}

Result<Arguments> Interpreter::evaluate_arguments(const ArgumentExprs& exprs, Scope& scope) {
  Arguments arguments;
  for (const ExprPtr& expr : exprs.positional) {
    LLMD_ASSIGN_OR_RETURN(Value value, evaluate(*expr, scope));
    arguments.positional.push_back(std::move(value));
  }
  for (const auto& [name, expr] : exprs.named) {
    LLMD_ASSIGN_OR_RETURN(Value value, evaluate(*expr, scope));
    arguments.named.emplace_back(name, std::move(value));
  }
  return arguments;
}

Result<Value> Interpreter::call_macro(const Function& macro, const Arguments& arguments) {
  const Level level(*this);
  const auto scope = std::make_shared<Scope>(macro.closure);
  LLMD_RETURN_IF_ERROR(bind_macro(macro, arguments, *scope));
  const int64_t outer_loops = std::exchange(loop_depth, 0);
  Flow flow = Flow::kNormal;
  auto text = capture(macro.macro->body, scope, flow);
  loop_depth = outer_loops;
  if (!text) return text.error();
  LLMD_RETURN_IF_ERROR(work(text->size()));
  return make_text(std::move(*text));
}

Result<void> Interpreter::bind_macro(const Function& macro, const Arguments& arguments,
                                     Scope& scope) {
  const MacroNode& node = *macro.macro;
  List rest;
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < node.parameters.size()) {
      scope.set(node.parameters[i].first, arguments.positional[i]);
    } else {
      rest.push_back(arguments.positional[i]);
    }
  }
  Dict others;
  for (const auto& [name, value] : arguments.named) {
    const auto known =
        std::ranges::find_if(node.parameters, [&](const auto& p) { return p.first == name; });
    if (known != node.parameters.end()) {
      scope.set(known->first, value);
    } else if (name == "caller") {
      scope.set("caller", value);
    } else {
      others.set(make_text(name), value);
    }
  }
  scope.set("varargs", make_list(std::move(rest), true));
  scope.set("kwargs", make_dict(std::move(others)));
  for (const auto& [name, fallback] : node.parameters) {
    const bool is_bound = std::ranges::any_of(
        scope.variables, [&](const auto& v) { return v.first == std::string_view(name); });
    if (is_bound) continue;
    Value value = make_undefined(fmt::format("parameter '{}' was not provided", name));
    if (fallback != nullptr) {
      LLMD_ASSIGN_OR_RETURN(value, evaluate(*fallback, scope));
    }
    scope.set(name, std::move(value));
  }
  return {};
}

Result<void> Interpreter::assign(const Target& target, Value value, Scope& scope) {
  if (!target.attribute.empty()) {
    const Value* found = scope.find(target.names[0]);
    const auto* ns = found == nullptr ? nullptr : found->as<std::shared_ptr<Namespace>>();
    if (ns == nullptr) return invalid_argument("cannot assign attribute on non-namespace object");
    auto& attributes = (*ns)->attributes;
    const auto at = std::ranges::find_if(
        attributes, [&](const auto& a) { return a.first == target.attribute; });
    if (at != attributes.end()) {
      at->second = std::move(value);
    } else {
      attributes.emplace_back(target.attribute, std::move(value));
    }
    return {};
  }
  if (!target.unpacks) {
    scope.set(target.names[0], std::move(value));
    return {};
  }
  LLMD_ASSIGN_OR_RETURN(const Sequence parts, iterate(value));
  if (parts.items->size() != target.names.size()) {
    return invalid_argument(fmt::format("cannot unpack {} values into {} names",
                                        parts.items->size(), target.names.size()));
  }
  for (size_t i = 0; i < target.names.size(); ++i) scope.set(target.names[i], (*parts.items)[i]);
  return {};
}

Result<void> Interpreter::print(std::string_view text) {
  if (out_->size() + text.size() > kOutputBytesMax) {
    return Error{Errc::kTooLarge,
                 fmt::format("chat template: output is larger than {} bytes", kOutputBytesMax)};
  }
  LLMD_RETURN_IF_ERROR(work(text.size()));
  out_->append(text);
  return {};
}

Result<void> Interpreter::work(uint64_t units) {
  if (units > work_left_) {
    work_left_ = 0;
    return Error{Errc::kTooLarge, "chat template: rendering takes too much work"};
  }
  work_left_ -= units;
  return {};
}

Value Interpreter::keep(std::shared_ptr<Namespace> ns) {
  namespaces_.push_back(ns);
  return {std::move(ns)};
}

Value Interpreter::keep(std::shared_ptr<const Function> macro) {
  macro_scopes_.push_back(macro->closure);
  return {std::move(macro)};
}

}  // namespace llmd::tokenize::jinja
