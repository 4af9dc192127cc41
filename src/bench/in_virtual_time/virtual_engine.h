// SPDX-License-Identifier: Apache-2.0
// One simulated engine on the virtual clock, without its HTTP server: bodies in, tokens out.
#pragma once

#include <cstdint>
#include <functional>
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

/// Hears what an engine publishes of its cache.
class KvListener {
 public:
  virtual void on_published(uint64_t seq, const std::shared_ptr<const std::string>& payload) = 0;
  /// Another process took the engine's place; it counts from 0.
  virtual void on_restarted() = 0;

 protected:
  ~KvListener() = default;
};

/// The parts that `llmd engine --simulated` runs, on `time`. One thread.
class VirtualEngine {
 public:
  /// Both outlive it.
  VirtualEngine(engine::EngineKind& kind, VirtualTime& time);
  ~VirtualEngine();

  /// Reads `body` as the engine's front end does, and queues it. An error is what the front end
  /// would answer. `keeps_text`: whether progress is to carry text.
  std::variant<Submitted, openai::ApiError> submit(std::string_view body, Api api, bool keeps_text,
                                                   engine::ProgressCallback on_progress);
  void abort(engine::SequenceId id);
  /// The process is killed and another one takes its place at once: nothing is cached, counters
  /// begin at 0, what was under way is never heard of again.
  void restart();

  /// The prompt of `body` in tokens, as such an engine reads it.
  static Result<std::vector<engine::TokenId>> read_prompt(const engine::EngineKind& kind,
                                                          std::string_view body, Api api);

  /// What GET `path` answers with 200: /health, /v1/models and /metrics.
  std::string get(std::string_view path);
  /// Its load now; `endpoint` and the time are the caller's.
  EndpointSample sample();

  /// From the first call on it publishes KV events, as `llmd engine --kv-events-config` does, to
  /// `listener`: one at a time; null for none.
  void publish_to(KvListener* listener);
  using Replayed = std::function<void(uint64_t seq, const std::string& payload)>;
  /// What the process has published from the number `from` on, as far as it is kept.
  void replay(uint64_t from, const Replayed& replayed) const;

 private:
  struct Process;
  void start();
  void record();
  void publish();

  engine::EngineKind& kind_;
  VirtualTime& time_;
  bool publishes_ = false;
  KvListener* listener_ = nullptr;
  std::shared_ptr<Process> process_;
};

}  // namespace llmd::bench
