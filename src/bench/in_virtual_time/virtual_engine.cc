// SPDX-License-Identifier: Apache-2.0
#include "bench/in_virtual_time/virtual_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>

#include "endpoints/engine_metrics.h"
#include "engine/api/engine_request.h"
#include "engine/api/kv_event_recorder.h"
#include "openai/chat_types.h"
#include "openai/json_writer.h"
#include "openai/request_parse.h"

namespace llmd::bench {
namespace {

using engine::EngineKind;
using engine::EngineRequest;
using engine::TokenId;
using openai::ApiError;

/// Of those published: half a minute of short steps, more than anybody takes to follow a new
/// process.
constexpr size_t kBatchesKept = 1024;

std::unique_ptr<engine::EngineMetrics> make_metrics(observe::Registry& registry,
                                                    const engine::EngineShape& shape) {
  return std::make_unique<engine::EngineMetrics>(
      registry, engine::MetricsInfo{shape.model_name, shape.scheduler.block_size, shape.blocks,
                                    shape.scheduler.max_model_len, shape.cache_dtype,
                                    shape.scheduler.prefix_caching});
}

engine::EngineOptions options_of(const engine::EngineShape& shape) {
  engine::EngineOptions options;
  options.scheduler = shape.scheduler;
  return options;
}

void take_generation(const openai::GenerationFields& fields, EngineRequest& out) {
  out.stop.max_tokens = fields.max_tokens.value_or(out.stop.max_tokens);
  out.stop.min_tokens = fields.min_tokens;
  out.stop.ignore_eos = fields.ignore_eos;
  out.sampling.seed = fields.seed.value_or(0);
  out.cache_salt = fields.cache_salt;
}

std::optional<ApiError> read_completion(const EngineKind& kind, std::string_view body,
                                        EngineRequest& out) {
  openai::CompletionRequest request;
  if (auto error = openai::parse_request(body, request)) return error;
  out.prompt = kind.assets().encode(request.prompts.front(), request.add_special_tokens);
  take_generation(request.generation, out);
  return std::nullopt;
}

std::optional<ApiError> read_chat(const EngineKind& kind, std::string_view body,
                                  EngineRequest& out) {
  openai::ChatRequest request;
  if (auto error = openai::parse_request(body, request)) return error;
  auto prompt = kind.assets().encode(request.chat);
  if (!prompt) return openai::to_api_error(prompt.error());
  out.prompt = *std::move(prompt);
  take_generation(request.generation, out);
  return std::nullopt;
}

std::optional<ApiError> read_request(const EngineKind& kind, std::string_view body, Api api,
                                     EngineRequest& out) {
  return api == Api::kChat ? read_chat(kind, body, out) : read_completion(kind, body, out);
}

std::string models_page(const std::string& model) {
  std::string out;
  openai::JsonWriter json(out);
  json.begin_object().key("object").string("list").key("data").begin_array();
  json.begin_object().key("id").string(model).key("object").string("model").end_object();
  json.end_array().end_object();
  return out;
}

}  // namespace

/// What one process of it has, and a restart loses.
struct VirtualEngine::Process {
  Process(EngineKind& kind, VirtualTime& time)
      : started(time.now()),
        engine(
            options_of(kind.shape()), std::make_unique<engine::BlockPool>(kind.shape().blocks),
            kind.make_executor(time, time.call_after()), *kind.assets().tokenizer, time,
            [&time](std::function<void()> work) { time.call_at(time.now(), std::move(work)); },
            make_metrics(registry, kind.shape())) {}

  const TimePoint started;
  observe::Registry registry;
  engine::Engine engine;
  std::optional<engine::KvEventRecorder> recorder;
  std::deque<std::shared_ptr<const std::string>> published;  ///< the last ones
  uint64_t next_seq = 0;
};

VirtualEngine::VirtualEngine(EngineKind& kind, VirtualTime& time) : kind_(kind), time_(time) {
  start();
}

VirtualEngine::~VirtualEngine() = default;

void VirtualEngine::start() {
  process_ = std::make_shared<Process>(kind_, time_);
  if (publishes_) record();
}

void VirtualEngine::restart() {
  start();
  if (listener_ != nullptr) listener_->on_restarted();
}

void VirtualEngine::abort(engine::SequenceId id) { process_->engine.abort(id); }

void VirtualEngine::publish_to(KvListener* listener) {
  listener_ = listener;
  if (!std::exchange(publishes_, true)) record();
}

/// One batch for all that changes at one time, as it is one for each turn of an engine's loop.
void VirtualEngine::record() {
  process_->recorder.emplace(process_->engine.pool(), kind_.shape().scheduler.block_size,
                             kv::BatchWriter(kv::EventForm::kMap),
                             [this, alive = std::weak_ptr(process_)] {
                               time_.call_at(time_.now(), [this, alive] {
                                 if (!alive.expired()) publish();
                               });
                             });
}

void VirtualEngine::publish() {
  Process& process = *process_;
  process.published.push_back(std::make_shared<const std::string>(
      process.recorder->finish(to_seconds(time_.now() - TimePoint()))));
  if (process.published.size() > kBatchesKept) process.published.pop_front();
  const uint64_t seq = process.next_seq++;
  if (listener_ != nullptr) listener_->on_published(seq, process.published.back());
}

void VirtualEngine::replay(uint64_t from, const Replayed& replayed) const {
  const Process& process = *process_;
  const uint64_t first = process.next_seq - process.published.size();
  for (uint64_t seq = std::max(from, first); seq < process.next_seq; ++seq) {
    replayed(seq, *process.published[seq - first]);
  }
}

std::variant<Submitted, ApiError> VirtualEngine::submit(std::string_view body, Api api,
                                                        bool keeps_text,
                                                        engine::ProgressCallback on_progress) {
  EngineRequest request;
  request.detokenize = keeps_text;
  auto error = read_request(kind_, body, api, request);
  if (error) return *std::move(error);
  const auto prompt_tokens = static_cast<uint32_t>(request.prompt.size());
  const auto id = process_->engine.submit(std::move(request), std::move(on_progress));
  if (!id) return openai::to_api_error(id.error());
  return Submitted{*id, prompt_tokens};
}

Result<std::vector<TokenId>> VirtualEngine::read_prompt(const EngineKind& kind,
                                                        std::string_view body, Api api) {
  EngineRequest request;
  if (const auto error = read_request(kind, body, api, request)) {
    return invalid_argument(error->message);
  }
  return std::move(request.prompt);
}

std::string VirtualEngine::get(std::string_view path) {
  if (path == "/v1/models") return models_page(kind_.shape().model_name);
  if (path != "/metrics") return {};
  process_->engine.refresh_gauges();
  std::string page = process_->registry.exposition();
  // vLLM's page has it; it is not 0 for the first process.
  fmt::format_to(std::back_inserter(page), "{} {:.3f}\n", endpoints::kProcessStartSeries,
                 1 + to_seconds(process_->started - TimePoint()));
  return page;
}

EndpointSample VirtualEngine::sample() {
  const engine::EngineLoad load = process_->engine.load();
  EndpointSample sample;
  sample.running = static_cast<double>(load.running);
  sample.waiting = static_cast<double>(load.waiting);
  sample.kv_usage = load.kv_usage;
  sample.prefix_queries = static_cast<double>(load.counters.prefix_queries);
  sample.prefix_hits = static_cast<double>(load.counters.prefix_hits);
  return sample;
}

}  // namespace llmd::bench
