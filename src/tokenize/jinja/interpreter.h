// SPDX-License-Identifier: Apache-2.0
// Runs a parsed template under limits on work, depth and size.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tokenize/jinja/ast.h"
#include "tokenize/jinja/value.h"

namespace llmd::tokenize::jinja {

/// Variables of one block. Names are views into the template or the context.
struct Scope {
  explicit Scope(std::shared_ptr<Scope> outer = nullptr) : parent(std::move(outer)) {}
  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);

  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string_view, Value>> variables;
};

/// One render. Owner's thread.
class Interpreter {
 public:
  using Time = std::chrono::system_clock::time_point;
  explicit Interpreter(Time now) : now_(now) {}
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;
  ~Interpreter();

  Result<std::string> render(const Body& body, const Dict& context);

  Result<Value> evaluate(const Expr& expr, Scope& scope);
  Result<Flow> run(const Body& body, const std::shared_ptr<Scope>& scope);
  /// Runs the body and returns what it printed.
  Result<std::string> capture(const Body& body, const std::shared_ptr<Scope>& scope, Flow& flow);
  Result<Value> call_macro(const Function& macro, const Arguments& arguments);
  Result<Arguments> evaluate_arguments(const ArgumentExprs& exprs, Scope& scope);
  Result<void> assign(const Target& target, Value value, Scope& scope);

  Result<void> print(std::string_view text);
  /// Counts work (about a nanosecond each, or a byte); an error once there was too much.
  Result<void> work(uint64_t units);
  /// Namespaces and macros can refer to each other in a circle; the end of the render opens it.
  Value keep(std::shared_ptr<Namespace> ns);
  Value keep(std::shared_ptr<const Function> macro);

  Time now() const { return now_; }
  int64_t loop_depth = 0;

 private:
  class Level;
  Result<void> bind_macro(const Function& macro, const Arguments& arguments, Scope& scope);

  Time now_;
  std::string* out_ = nullptr;
  uint64_t work_left_ = 1'000'000'000;
  int depth_ = 0;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<std::shared_ptr<Scope>> macro_scopes_;
};

}  // namespace llmd::tokenize::jinja
