// SPDX-License-Identifier: Apache-2.0
#include "engine/batch/engine.h"

#include <fmt/core.h>

#include <algorithm>

namespace llmd::engine {
namespace {

/// How many tokens before the first generated one a decoder may want to look back at.
constexpr size_t kPromptTailTokens = 8;

std::span<const TokenId> tail(std::span<const TokenId> tokens) {
  return tokens.last(std::min(tokens.size(), kPromptTailTokens));
}

/// vLLM reports the stop token only where it is the request's own, not the model's EOS.
void note_stop_token(const Sequence& sequence, TokenId token, Progress& progress) {
  const std::vector<TokenId>& own = sequence.stop.token_ids;
  if (std::find(own.begin(), own.end(), token) != own.end()) progress.stop_token = token;
}

}  // namespace

struct Engine::Request {
  Request(EngineRequest&& from, ProgressCallback callback, const tokenize::Tokenizer& tokenizer)
      : on_progress(std::move(callback)) {
    show_stop_token = from.text.include_stop_string;
    if (from.detokenize) text.emplace(tokenizer, std::move(from.text), tail(from.prompt));
    sequence.tokens = std::move(from.prompt);
    sequence.sampling = from.sampling;
    sequence.stop = std::move(from.stop);
    sequence.adapter = from.adapter;
    sequence.adapter_name = std::move(from.adapter_name);
    sequence.cache_salt = std::move(from.cache_salt);
  }

  Sequence sequence;
  std::optional<TextOutput> text;
  ProgressCallback on_progress;
  RequestTimes times;
  std::string shown;             ///< what Progress::text points to
  bool show_stop_token = false;  ///< the token that stops it becomes text like any other
  bool silent = false;           ///< its end is awaited, nobody wants to hear of it
};

Engine::Engine(EngineOptions options, std::unique_ptr<BlockPool> pool,
               std::unique_ptr<Executor> executor, const tokenize::Tokenizer& tokenizer,
               const Clock& clock, Post post, std::unique_ptr<EngineMetrics> metrics)
    : options_(std::move(options)),
      tokenizer_(tokenizer),
      clock_(clock),
      started_(clock.now()),
      post_(std::move(post)),
      metrics_(std::move(metrics)),
      pool_(std::move(pool)),
      scheduler_(options_.scheduler, *pool_, clock),
      executor_(std::move(executor)) {}

Engine::~Engine() { executor_.reset(); }

Result<SequenceId> Engine::submit(EngineRequest request, ProgressCallback on_progress) {
  const uint32_t longest = scheduler_.options().max_model_len - 1;
  if (request.prompt.empty() || request.prompt.size() > longest) {
    return invalid_argument(
        fmt::format("the prompt has {} tokens; 1 to {} fit", request.prompt.size(), longest));
  }
  if (scheduler_.waiting() >= options_.waiting_max) {
    metrics_->refused_queue_full.add();
    return Error{Errc::kResourceExhausted,
                 fmt::format("{} requests are waiting already, the most this engine queues",
                             options_.waiting_max)};
  }
  auto owned = std::make_shared<Request>(std::move(request), std::move(on_progress), tokenizer_);
  owned->sequence.id = next_id_++;
  owned->times.arrived = clock_.now();
  scheduler_.add(owned->sequence);
  const SequenceId id = owned->sequence.id;
  requests_.emplace(id, std::move(owned));
  wake();
  return id;
}

/// Posted, so that requests that arrive together begin together.
void Engine::wake() {
  if (wake_posted_ || scheduler_.step_under_way()) return;
  wake_posted_ = true;
  post_([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    wake_posted_ = false;
    if (!scheduler_.step_under_way()) begin_step();
  });
}

void Engine::begin_step() {
  const Batch* batch = scheduler_.plan();
  count_scheduler_news();
  if (batch == nullptr) return;
  size_t tokens = 0;
  for (const BatchItem& item : batch->items) tokens += item.tokens.size();
  metrics_->iteration_tokens.observe(static_cast<double>(tokens));
  executor_->submit(*batch, [this, alive = std::weak_ptr(alive_)](StepResult result) {
    post_([this, alive, result = std::move(result)] {
      if (!alive.expired()) end_step(result);
    });
  });
}

/// The next step is under way before this one's text is made, so that the two overlap.
void Engine::end_step(const StepResult& result) {
  outputs_.clear();
  scheduler_.complete(result, outputs_);
  begin_step();
  for (const StepOutput& output : outputs_) deliver(output);
}

void Engine::deliver(const StepOutput& output) {
  const auto found = requests_.find(output.id);
  if (found == requests_.end()) return;
  const std::shared_ptr<Request> request = found->second;
  const bool ended = output.finish != FinishReason::kNone;
  if (ended) requests_.erase(found);
  if (request->silent) return;
  note_token(*request);
  const Progress progress = progress_of(*request, output);
  if (progress.finish != FinishReason::kNone) {
    count_end(*request, progress.finish);
    // Ended by its text, while the scheduler takes it for going on.
    if (!ended) silence(output.id, *request);
  }
  request->on_progress(progress);
}

Progress Engine::progress_of(Request& request, const StepOutput& output) {
  const Sequence& sequence = request.sequence;
  Progress progress;
  progress.finish = output.finish;
  progress.tokens = std::span(&*output.token, 1);
  progress.generated = sequence.generated();
  progress.cached = sequence.cached;
  const bool by_token = output.finish == FinishReason::kStop;
  if (by_token) note_stop_token(sequence, *output.token, progress);
  if (!request.text) return progress;
  request.shown.clear();
  if (!by_token || request.show_stop_token) {
    const bool may_stop = progress.generated > sequence.stop.min_tokens;
    request.shown += request.text->append(*output.token, may_stop);
  }
  progress.stop_string = request.text->stop_string();
  if (progress.stop_string != nullptr) progress.finish = FinishReason::kStop;
  if (progress.stop_string == nullptr && progress.finish != FinishReason::kNone) {
    request.shown += request.text->finish();
  }
  progress.text = request.shown;
  return progress;
}

void Engine::note_token(Request& request) {
  RequestTimes& times = request.times;
  const TimePoint now = clock_.now();
  metrics_->generation_tokens.add();
  if (request.sequence.generated() == 1) {
    times.scheduled = request.sequence.first_scheduled;
    times.first_token = now;
    metrics_->prompt_tokens.add(request.sequence.prompt_size);
    metrics_->time_to_first_token.observe(to_seconds(now - times.arrived));
  } else {
    metrics_->inter_token_latency.observe(to_seconds(now - times.last_token));
  }
  times.last_token = now;
}

void Engine::abort(SequenceId id) {
  const auto found = requests_.find(id);
  if (found == requests_.end() || found->second->silent) return;
  const std::shared_ptr<Request> request = found->second;
  count_end(*request, FinishReason::kAbort);
  silence(id, *request);
}

/// Nobody is told of it any more; it leaves now, or when the step it is part of completes.
void Engine::silence(SequenceId id, Request& request) {
  request.silent = true;
  if (scheduler_.abort(request.sequence)) requests_.erase(id);
}

void Engine::count_end(const Request& request, FinishReason reason) {
  metrics_->finished(reason, request.times, request.sequence.prompt_size,
                     request.sequence.generated());
}

void Engine::count_scheduler_news() {
  const SchedulerCounters& now = scheduler_.counters();
  metrics_->preemptions.add(static_cast<double>(now.preemptions - counted_.preemptions));
  metrics_->prefix_queries.add(static_cast<double>(now.prefix_queries - counted_.prefix_queries));
  metrics_->prefix_hits.add(static_cast<double>(now.prefix_hits - counted_.prefix_hits));
  counted_ = now;
}

EngineLoad Engine::load() const {
  return {scheduler_.running(), scheduler_.waiting(),
          static_cast<double>(pool_->used_count()) / pool_->size(), scheduler_.counters()};
}

AdapterLoad Engine::adapter_load() const {
  AdapterLoad load;
  for (const auto& [id, request] : requests_) {
    const Sequence& sequence = request->sequence;
    if (sequence.adapter == 0 || request->silent) continue;
    const bool runs = sequence.state == SequenceState::kRunning;
    std::vector<AdapterId>& list = runs ? load.running : load.waiting;
    if (std::find(list.begin(), list.end(), sequence.adapter) == list.end()) {
      list.push_back(sequence.adapter);
    }
  }
  return load;
}

void Engine::refresh_gauges() {
  const EngineLoad now = load();
  metrics_->running.set(static_cast<double>(now.running));
  metrics_->waiting.set(static_cast<double>(now.waiting));
  metrics_->kv_usage.set(now.kv_usage);
}

}  // namespace llmd::engine
