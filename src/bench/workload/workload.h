// SPDX-License-Identifier: Apache-2.0
// What a load test sends: the n-th request as a pure function of seed, n and, in conversations, the
// answers so far. Knows no sockets and no clock, so runs over sockets and in virtual time share it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "bench/workload/distribution.h"
#include "bench/workload/request.h"
#include "bench/workload/trace.h"

namespace llmd::bench {

/// Independent prompts (inference-perf's data type `random`).
struct RandomOptions {
  Distribution input;
  Distribution output;
};

/// Groups of prompts that begin alike (`shared_prefix`). There are groups × prompts_per_group
/// prompts, each made once and sent again and again in one shuffled order, as upstream does.
struct SharedPrefixOptions {
  uint32_t groups = 10;
  uint32_t prompts_per_group = 10;
  Distribution system_prompt = Distribution::fixed(100);
  Distribution question = Distribution::fixed(50);
  Distribution output = Distribution::fixed(50);
  /// Each prompt is a session: its next turn carries the earlier ones and their answers.
  bool multi_turn = false;
};

/// Conversations that begin with a system prompt, partly their own (`conversation_replay`). Each of
/// `conversations` slots begins a fresh one when its last has had all its turns.
struct ConversationOptions {
  uint32_t conversations = 200;
  uint32_t shared_system_prompt = 8359;
  Distribution dynamic_system_prompt = Distribution::fixed(0);
  Distribution turns = Distribution::fixed(1);
  Distribution input_per_turn = Distribution::fixed(256);
  Distribution output_per_turn = Distribution::fixed(256);
  Distribution tool_latency_s = Distribution::fixed(0);
  uint32_t max_model_len = 225'000;  ///< a conversation that would grow beyond ends before
};

/// The requests of a trace, in its order; from its begin again when it has run out.
struct TraceOptions {
  std::string path;
  TraceFormat format = TraceFormat::kAzure;
  bool skip_broken_lines = false;
};

using WorkloadKind =
    std::variant<RandomOptions, SharedPrefixOptions, ConversationOptions, TraceOptions>;

/// Tokens that the target adds to a prompt of its own accord (BOS, a chat template), which are
/// taken off what is generated so that the whole is as long as wanted. May be negative: a template
/// that trims.
struct PromptOverhead {
  int user_only = 0;  ///< around one user message, or around a bare prompt
  int system_and_user = 0;
};

class Workload {
 public:
  virtual ~Workload() = default;

  /// The session of the n-th request, 0 if it has none.
  virtual uint64_t session_of(uint64_t) const { return 0; }
  /// The n-th request. Of one session: in order, each after the end of the one before.
  virtual Request request(uint64_t number) = 0;
  /// The answer to a request that was answered well. Only needed if keeps_answers().
  virtual void answered(const Request&, std::string_view) {}
  virtual bool keeps_answers() const { return false; }
  /// Conversations begin anew. No request is under way.
  virtual void begin_stage() {}
  /// When the requests of a trace are due, from its begin; null for anything else.
  virtual const Trace* trace() const { return nullptr; }
  /// For people, in one line.
  virtual std::string describe() const = 0;
};

/// Refuses lengths that the overhead alone exceeds.
Result<std::unique_ptr<Workload>> make_workload(const WorkloadKind& kind, uint64_t seed,
                                                const PromptOverhead& overhead);

}  // namespace llmd::bench
