// SPDX-License-Identifier: Apache-2.0
// The endpoints that generate nothing: tokens and text, models, health, metrics.
#include <fmt/core.h>

#include "engine/api/engine_request.h"
#include "engine/api/handlers.h"
#include "openai/chat_types.h"
#include "openai/json_writer.h"
#include "openai/request_parse.h"
#include "tokenize/token_answers.h"

namespace llmd::engine {
namespace {

constexpr std::string_view kJson = "application/json";

}  // namespace

void answer_json(http::Exchange& exchange, std::string_view json) {
  exchange.respond(200, kJson, json);
}

void answer_error(http::Exchange& exchange, const openai::ApiError& error) {
  exchange.respond(error.status, kJson, openai::to_json(error));
}

void answer_missing(http::Exchange& exchange, std::string_view capability) {
  answer_error(exchange,
               openai::make_error(501, fmt::format("this engine does not support {}", capability)));
}

void handle_tokenize(ApiContext& context, ExchangePtr exchange) {
  openai::TokenizeRequest request;
  if (auto error = openai::parse_request(exchange->body(), request)) {
    return answer_error(*exchange, *error);
  }
  if (auto error = check_model(context, request.model)) return answer_error(*exchange, *error);
  const auto tokens = context.assets.encode(request);
  if (!tokens) return answer_error(*exchange, openai::to_api_error(tokens.error()));
  answer_json(*exchange, tokenize::tokenize_answer(*context.assets.tokenizer, *tokens,
                                                   request.return_token_strs,
                                                   context.engine.options().max_model_len));
}

void handle_detokenize(ApiContext& context, ExchangePtr exchange) {
  openai::DetokenizeRequest request;
  if (auto error = openai::parse_request(exchange->body(), request)) {
    return answer_error(*exchange, *error);
  }
  if (auto error = check_model(context, request.model)) return answer_error(*exchange, *error);
  answer_json(*exchange, tokenize::detokenize_answer(*context.assets.tokenizer, request.tokens));
}

namespace {

/// Begins one model's object.
void write_model(const ApiContext& context, const std::string& name, const std::string& root,
                 openai::JsonWriter& json) {
  json.begin_object().key("id").string(name).key("object").string("model");
  json.key("created").number(context.unix_time_s()).key("owned_by").string("llmd");
  json.key("root").string(root);
}

}  // namespace

void handle_models(ApiContext& context, ExchangePtr exchange) {
  std::string out;
  openai::JsonWriter json(out);
  json.begin_object().key("object").string("list").key("data").begin_array();
  for (const std::string& name : context.model_names) {
    write_model(context, name, context.model_root, json);
    json.key("parent").null();
    json.key("max_model_len").number(context.engine.options().max_model_len).end_object();
  }
  if (const auto& lora = context.capabilities.lora) {
    for (const auto& [name, adapter] : lora->all()) {
      write_model(context, name, adapter.path, json);
      json.key("parent").string(context.model_names.front()).end_object();
    }
  }
  json.end_array().end_object();
  answer_json(*exchange, out);
}

void handle_health(ApiContext& context, ExchangePtr exchange) {
  if (context.draining) {
    return answer_error(*exchange, openai::make_error(503, "this engine is shutting down"));
  }
  if (context.starting) {
    return answer_error(*exchange, openai::make_error(503, "this engine is starting"));
  }
  exchange->respond(200, kJson, "");
}

void handle_version(ApiContext& context, ExchangePtr exchange) {
  std::string out;
  openai::JsonWriter json(out);
  json.begin_object().key("version").string(LLMD_VERSION);
  if (!context.simulated_profile.empty()) {
    json.key("simulated").boolean(true).key("profile").string(context.simulated_profile);
  }
  json.end_object();
  answer_json(*exchange, out);
}

void handle_metrics(ApiContext& context, ExchangePtr exchange) {
  context.refresh_metrics();
  std::string page = context.registry.exposition();
  if (const auto& lora = context.capabilities.lora) {
    page += lora->exposition(context.engine, context.unix_time_s());
  }
  exchange->respond(200, observe::Registry::kContentType, page);
}

}  // namespace llmd::engine
