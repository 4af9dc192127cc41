// SPDX-License-Identifier: Apache-2.0
// One simulated engine on the virtual clock, without its HTTP server: bodies in, tokens out.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/virtual_time.h"
#include "bench/measure/run_result.h"
#include "bench/workload/body_writer.h"
#include "engine/api/engine_kind.h"
#include "engine/batch/engine.h"
#include "openai/error.h"

namespace llmd::bench {

struct Submitted {
  engine::SequenceId id = 0;
  uint32_t prompt_tokens = 0;
};

/// The parts that `llmd engine --simulated` runs, on `time`. One thread.
class VirtualEngine {
 public:
  /// Both outlive it.
  VirtualEngine(engine::EngineKind& kind, VirtualTime& time);

  /// Reads `body` as the engine's front end does, and queues it. An error is what the front end
  /// would answer. `keeps_text`: whether progress is to carry text.
  std::variant<Submitted, openai::ApiError> submit(std::string_view body, Api api, bool keeps_text,
                                                   engine::ProgressCallback on_progress);
  void abort(engine::SequenceId id) { engine_.abort(id); }

  /// The prompt of `body` in tokens, as such an engine reads it.
  static Result<std::vector<engine::TokenId>> read_prompt(const engine::EngineKind& kind,
                                                          std::string_view body, Api api);

  /// What GET `path` answers with 200: /health, /v1/models and /metrics.
  std::string get(std::string_view path);
  /// Its load now; `endpoint` and the time are the caller's.
  EndpointSample sample();

 private:
  engine::EngineKind& kind_;
  observe::Registry registry_;
  engine::Engine engine_;
};

}  // namespace llmd::bench
