// SPDX-License-Identifier: Apache-2.0
// The engine loop: requests in, tokens and text out, one step after another.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "base/result.h"
#include "engine/batch/engine_metrics.h"
#include "engine/batch/scheduler.h"
#include "engine/batch/text_output.h"

namespace llmd::engine {

struct EngineRequest {
  std::vector<TokenId> prompt;  ///< at least one token
  SamplingParams sampling;
  StopRules stop;
  TextRules text;
  bool detokenize = true;  ///< false: tokens only, and stop strings are not looked for
  AdapterId adapter = 0;
  std::string adapter_name;  ///< of `adapter`
  std::string cache_salt;
};

/// The adapters of unfinished requests; no id twice in a list.
struct AdapterLoad {
  std::vector<AdapterId> running;
  std::vector<AdapterId> waiting;
};

/// One generated token's worth of news. Views live as long as the call.
struct Progress {
  std::span<const TokenId> tokens;  ///< none or one
  std::string_view text;            ///< may lag behind the tokens, never runs ahead
  FinishReason finish = FinishReason::kNone;
  std::optional<TokenId> stop_token;         ///< with kStop by a token of StopRules::token_ids
  const std::string* stop_string = nullptr;  ///< with kStop by text
  uint32_t generated = 0;                    ///< tokens so far
  uint32_t cached = 0;                       ///< prompt tokens that came from the prefix cache
};

using ProgressCallback = std::function<void(const Progress&)>;
/// Queues work to run on the engine's thread, later. Any thread.
using Post = std::function<void(std::function<void()>)>;

/// What an engine has to do at one moment.
struct EngineLoad {
  size_t running = 0;  ///< sequences that have blocks
  size_t waiting = 0;
  double kv_usage = 0;         ///< 0 … 1
  SchedulerCounters counters;  ///< since its begin
};

struct EngineOptions {
  SchedulerOptions scheduler;
  uint32_t waiting_max = 1024;  ///< requests beyond it are refused
};

/// Everything but Post and the executor's completion happens on one thread. No globals: a hundred
/// engines can share that thread.
class Engine {
 public:
  /// What is referred to outlives the engine; the executor is destroyed first, so that nothing
  /// computes on freed memory.
  Engine(EngineOptions options, std::unique_ptr<BlockPool> pool, std::unique_ptr<Executor> executor,
         const tokenize::Tokenizer& tokenizer, const Clock& clock, Post post,
         std::unique_ptr<EngineMetrics> metrics);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// `on_progress` is called for every token; never from within submit(). After a call with a
  /// `finish`, or after abort(), it is not called again. kResourceExhausted when too many wait,
  /// kInvalidArgument when the prompt cannot fit.
  Result<SequenceId> submit(EngineRequest request, ProgressCallback on_progress);
  /// Frees the request's blocks; unknown ids are those that ended already.
  void abort(SequenceId id);

  size_t requests() const { return requests_.size(); }
  const BlockPool& pool() const { return *pool_; }
  BlockPool& pool() { return *pool_; }
  const SchedulerOptions& options() const { return scheduler_.options(); }
  EngineLoad load() const;
  /// Brings the gauges up to date, before a scrape.
  void refresh_gauges();
  EngineMetrics& metrics() { return *metrics_; }
  Duration uptime() const { return clock_.now() - started_; }
  AdapterLoad adapter_load() const;

 private:
  struct Request;

  void wake();
  void begin_step();
  void end_step(const StepResult& result);
  void deliver(const StepOutput& output);
  Progress progress_of(Request& request, const StepOutput& output);
  void note_token(Request& request);
  void silence(SequenceId id, Request& request);
  void count_end(const Request& request, FinishReason reason);
  void count_scheduler_news();

  EngineOptions options_;
  const tokenize::Tokenizer& tokenizer_;
  const Clock& clock_;
  TimePoint started_;
  Post post_;
  std::unique_ptr<EngineMetrics> metrics_;
  std::unique_ptr<BlockPool> pool_;
  Scheduler scheduler_;
  SchedulerCounters counted_;
  std::unordered_map<SequenceId, std::shared_ptr<Request>> requests_;
  SequenceId next_id_ = 1;
  bool wake_posted_ = false;
  std::vector<StepOutput> outputs_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< for work that was posted
  std::unique_ptr<Executor> executor_;
};

}  // namespace llmd::engine
