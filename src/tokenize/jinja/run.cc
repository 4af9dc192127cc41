// SPDX-License-Identifier: Apache-2.0
#include "tokenize/jinja/interpreter.h"
#include "tokenize/jinja/print.h"

namespace llmd::tokenize::jinja {
namespace {

constexpr uint64_t kWorkPerIteration = 300;

Result<void> assign_at(Interpreter& in, Location at, const Target& target, Value value,
                       Scope& scope) {
  auto done = in.assign(target, std::move(value), scope);
  if (!done) return located(at, done.error());
  return {};
}

/// A macro's value: the function and where it was defined.
std::shared_ptr<const Function> make_macro(const MacroNode& node,
                                           const std::shared_ptr<Scope>& scope) {
  return std::make_shared<const Function>(
      Function{.name = node.name, .macro = &node, .closure = scope});
}

}  // namespace

Result<Flow> TextStatement::run(Interpreter& in, const std::shared_ptr<Scope>&) const {
  LLMD_RETURN_IF_ERROR(in.print(text));
  return Flow::kNormal;
}

Result<Flow> PrintStatement::run(Interpreter& in, const std::shared_ptr<Scope>& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value printed, in.evaluate(*value, *scope));
  if (printed.is_text()) {
    LLMD_RETURN_IF_ERROR(in.print(printed.text()));
    return Flow::kNormal;
  }
  LLMD_RETURN_IF_ERROR(in.work(extent_of(printed).weight));
  LLMD_RETURN_IF_ERROR(in.print(to_string(printed)));
  return Flow::kNormal;
}

Result<Flow> IfStatement::run(Interpreter& in, const std::shared_ptr<Scope>& scope) const {
  for (const auto& [condition, body] : branches) {
    LLMD_ASSIGN_OR_RETURN(const Value decides, in.evaluate(*condition, *scope));
    if (is_true(decides)) return in.run(body, scope);
  }
  return in.run(otherwise, scope);
}

/// The items that the loop runs over: all of them, or those for which its `if` holds.
Result<Sequence> ForStatement::select(Interpreter& in, const std::shared_ptr<Scope>& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value value, in.evaluate(*items, *scope));
  auto all = iterate(value);
  if (!all) return located(at, all.error());
  LLMD_RETURN_IF_ERROR(in.work(all->items->size() * sizeof(Value)));
  if (filter == nullptr) return all;
  List chosen;
  for (const Value& item : *all->items) {
    LLMD_RETURN_IF_ERROR(in.work(kWorkPerIteration));
    Scope inner(scope);
    LLMD_RETURN_IF_ERROR(assign_at(in, at, target, item, inner));
    LLMD_ASSIGN_OR_RETURN(const Value keeps, in.evaluate(*filter, inner));
    if (is_true(keeps)) chosen.push_back(item);
  }
  return std::get<Sequence>(make_list(std::move(chosen)).data);
}

Result<Flow> ForStatement::run(Interpreter& in, const std::shared_ptr<Scope>& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Sequence chosen, select(in, scope));
  if (chosen.items->empty()) return in.run(otherwise, std::make_shared<Scope>(scope));
  ++in.loop_depth;
  Flow flow = Flow::kNormal;
  for (size_t i = 0; i < chosen.items->size() && flow != Flow::kBreak; ++i) {
    LLMD_RETURN_IF_ERROR(in.work(kWorkPerIteration));
    const auto inner = std::make_shared<Scope>(scope);
    LLMD_RETURN_IF_ERROR(assign_at(in, at, target, (*chosen.items)[i], *inner));
    inner->set("loop", {std::make_shared<const Loop>(Loop{chosen, i, in.loop_depth})});
    LLMD_ASSIGN_OR_RETURN(flow, in.run(body, inner));
  }
  --in.loop_depth;
  return Flow::kNormal;
}

Result<Flow> SetStatement::run(Interpreter& in, const std::shared_ptr<Scope>& scope) const {
  LLMD_ASSIGN_OR_RETURN(Value assigned, in.evaluate(*value, *scope));
  LLMD_RETURN_IF_ERROR(assign_at(in, at, target, std::move(assigned), *scope));
  return Flow::kNormal;
}

Result<Flow> CaptureStatement::run(Interpreter& in, const std::shared_ptr<Scope>& scope) const {
  Flow flow = Flow::kNormal;
  LLMD_ASSIGN_OR_RETURN(std::string text, in.capture(body, std::make_shared<Scope>(scope), flow));
  Value value = make_text(std::move(text));
  for (const auto& step : filters) {
    LLMD_ASSIGN_OR_RETURN(const Arguments arguments,
                          in.evaluate_arguments(step->arguments, *scope));
    auto filtered = call_builtin(in, *step->builtin, value, arguments);
    if (!filtered) return located(step->at, filtered.error());
    value = std::move(*filtered);
  }
  if (target) {
    LLMD_RETURN_IF_ERROR(assign_at(in, at, *target, std::move(value), *scope));
  } else {
    LLMD_RETURN_IF_ERROR(in.work(extent_of(value).weight));
    LLMD_RETURN_IF_ERROR(in.print(to_string(value)));
  }
  return flow;
}

Result<Flow> MacroStatement::run(Interpreter& in, const std::shared_ptr<Scope>& scope) const {
  scope->set(macro.name, in.keep(make_macro(macro, scope)));
  return Flow::kNormal;
}

Result<Flow> CallStatement::run(Interpreter& in, const std::shared_ptr<Scope>& scope) const {
  LLMD_ASSIGN_OR_RETURN(const Value callee, in.evaluate(*call->function, *scope));
  const auto* function = callee.as<std::shared_ptr<const Function>>();
  if (function == nullptr || (*function)->macro == nullptr) {
    return fail(at, "a call block needs a macro to call");
  }
  LLMD_ASSIGN_OR_RETURN(Arguments arguments, in.evaluate_arguments(call->arguments, *scope));
  arguments.named.emplace_back("caller", in.keep(make_macro(caller, scope)));
  LLMD_ASSIGN_OR_RETURN(const Value text, in.call_macro(**function, arguments));
  LLMD_RETURN_IF_ERROR(in.print(text.text()));
  return Flow::kNormal;
}

Result<Flow> ScopeStatement::run(Interpreter& in, const std::shared_ptr<Scope>& scope) const {
  const auto inner = std::make_shared<Scope>(scope);
  for (const auto& [name, expr] : values) {
    LLMD_ASSIGN_OR_RETURN(Value value, in.evaluate(*expr, *scope));
    inner->set(name, std::move(value));
  }
  return in.run(body, inner);
}

Result<Flow> FlowStatement::run(Interpreter&, const std::shared_ptr<Scope>&) const { return flow; }

}  // namespace llmd::tokenize::jinja
