// SPDX-License-Identifier: Apache-2.0
#include "bench/in_virtual_time/virtual_engine.h"

#include "engine/api/engine_request.h"
#include "openai/chat_types.h"
#include "openai/json_writer.h"
#include "openai/request_parse.h"

namespace llmd::bench {
namespace {

using engine::EngineKind;
using engine::EngineRequest;
using engine::TokenId;
using openai::ApiError;

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

VirtualEngine::VirtualEngine(EngineKind& kind, VirtualTime& time)
    : kind_(kind),
      engine_(
          options_of(kind.shape()), std::make_unique<engine::BlockPool>(kind.shape().blocks),
          kind.make_executor(time, time.call_after()), *kind.assets().tokenizer, time,
          [&time](std::function<void()> work) { time.call_at(time.now(), std::move(work)); },
          make_metrics(registry_, kind.shape())) {}

std::variant<Submitted, ApiError> VirtualEngine::submit(std::string_view body, Api api,
                                                        bool keeps_text,
                                                        engine::ProgressCallback on_progress) {
  EngineRequest request;
  request.detokenize = keeps_text;
  auto error = read_request(kind_, body, api, request);
  if (error) return *std::move(error);
  const auto prompt_tokens = static_cast<uint32_t>(request.prompt.size());
  const auto id = engine_.submit(std::move(request), std::move(on_progress));
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
  engine_.refresh_gauges();
  return registry_.exposition();
}

EndpointSample VirtualEngine::sample() {
  const engine::EngineLoad load = engine_.load();
  EndpointSample sample;
  sample.running = static_cast<double>(load.running);
  sample.waiting = static_cast<double>(load.waiting);
  sample.kv_usage = load.kv_usage;
  sample.prefix_queries = static_cast<double>(load.counters.prefix_queries);
  sample.prefix_hits = static_cast<double>(load.counters.prefix_hits);
  return sample;
}

}  // namespace llmd::bench
