// SPDX-License-Identifier: Apache-2.0
// The endpoints that generate: completions, chat, tokens in and tokens out.
#include <fmt/core.h>

#include "engine/api/engine_request.h"
#include "engine/api/handlers.h"
#include "engine/api/reply.h"
#include "engine/api/tool_calls.h"
#include "openai/chat_types.h"
#include "openai/request_parse.h"

namespace llmd::engine {
namespace {

using openai::ApiError;
using tokenize::Tokens;

std::string make_id(ApiContext& context, std::string_view prefix) {
  return fmt::format("{}-{:016x}{:016x}", prefix, context.ids.next(), context.ids.next());
}

/// The first choice has the seed that was asked for, the others ones that follow from it.
uint64_t seed_of_choice(uint64_t seed, uint32_t choice) {
  return choice == 0 ? seed : mix64(seed ^ mix64(choice));
}

/// `n` requests for each prompt, or what is wrong with one.
std::optional<ApiError> make_requests(ApiContext& context, const RequestTemplate& from,
                                      const std::vector<Tokens>& prompts,
                                      std::vector<EngineRequest>& out) {
  const uint32_t n = from.fields.n;
  if (prompts.size() * n > context.limits.choices_max) {
    return openai::make_error(400,
                              fmt::format("{} prompts with n={} are more than {} choices",
                                          prompts.size(), n, context.limits.choices_max),
                              "n");
  }
  for (const Tokens& prompt : prompts) {
    const uint64_t seed = from.fields.seed.value_or(context.seeds.next());
    for (uint32_t choice = 0; choice < n; ++choice) {
      if (auto error = make_engine_request(context, from, prompt, seed_of_choice(seed, choice),
                                           out.emplace_back())) {
        return error;
      }
    }
  }
  return std::nullopt;
}

void run(ApiContext& context, const ExchangePtr& exchange, const RequestTemplate& from,
         const openai::StreamFields& streaming, const std::vector<Tokens>& prompts,
         std::unique_ptr<openai::ReplyFormat> format) {
  std::vector<EngineRequest> requests;
  if (auto error = make_requests(context, from, prompts, requests)) {
    return answer_error(*exchange, *error);
  }
  std::make_shared<Reply>(context, exchange, std::move(format), streaming)
      ->run(std::move(requests), from.fields.n);
}

std::vector<Tokens> encode_prompts(const ApiContext& context,
                                   const openai::CompletionRequest& request) {
  std::vector<Tokens> out;
  for (const openai::Prompt& prompt : request.prompts) {
    out.push_back(context.assets.encode(prompt, request.add_special_tokens));
  }
  return out;
}

Tokens encode_answer(const ApiContext& context, std::string_view text) {
  return context.assets.tokenizer->encode(text, /*add_special_tokens=*/false);
}

/// The last message's text.
std::string_view last_words(const openai::ChatFields& chat) {
  const nlohmann::ordered_json& message = chat.messages.back();
  if (!message.contains("content") || !message["content"].is_string()) return {};
  return message["content"].get_ref<const std::string&>();
}

std::string_view shown_model(const ApiContext& context, const std::string& asked) {
  return asked.empty() ? std::string_view(context.model_names.front()) : asked;
}

}  // namespace

void handle_completions(ApiContext& context, ExchangePtr exchange) {
  openai::CompletionRequest request;
  if (auto error = openai::parse_request(exchange->body(), request)) {
    return answer_error(*exchange, *error);
  }
  if (auto error = check_model(context, request.model)) return answer_error(*exchange, *error);
  const RequestTemplate from{request.generation, request.model, MaxTokensDefault::kSixteen,
                             "prompt",           true,          {}};
  run(context, exchange, from, request.streaming, encode_prompts(context, request),
      openai::make_completion_format(make_id(context, "cmpl"), shown_model(context, request.model),
                                     context.unix_time_s()));
}

void handle_chat(ApiContext& context, ExchangePtr exchange) {
  openai::ChatRequest request;
  if (auto error = openai::parse_request(exchange->body(), request)) {
    return answer_error(*exchange, *error);
  }
  if (auto error = check_model(context, request.model)) return answer_error(*exchange, *error);
  std::optional<ToolCall> call;
  const uint64_t seed = request.generation.seed.value_or(context.seeds.next());
  if (auto error = plan_tool_call(context.capabilities, request.chat, seed, call)) {
    return answer_error(*exchange, *error);
  }
  const Result<Tokens> prompt = context.assets.encode(request.chat);
  if (!prompt) return answer_error(*exchange, openai::to_api_error(prompt.error()));
  Tokens verbatim;
  RequestTemplate from{request.generation, request.model, MaxTokensDefault::kRest,
                       "messages",         true,          {}};
  if (call) {
    request.generation.ignore_eos = false;  // the call's end is its end
    from.verbatim = verbatim = encode_answer(context, call->arguments);
  } else if (context.capabilities.answers && context.capabilities.answers->echoes()) {
    from.verbatim = verbatim = encode_answer(context, last_words(request.chat));
  }
  const std::string id = make_id(context, "chatcmpl");
  const std::string_view model = shown_model(context, request.model);
  run(context, exchange, from, request.streaming, {*prompt},
      call ? openai::make_tool_call_format(id, model, context.unix_time_s(), call->name)
           : openai::make_chat_format(id, model, context.unix_time_s()));
}

void handle_generate(ApiContext& context, ExchangePtr exchange) {
  openai::GenerateRequest request;
  if (auto error = openai::parse_request(exchange->body(), request)) {
    return answer_error(*exchange, *error);
  }
  if (auto error = check_model(context, request.model)) return answer_error(*exchange, *error);
  if (request.request_id.empty()) request.request_id = make_id(context, "generate");
  const RequestTemplate from{request.generation, request.model, MaxTokensDefault::kRest,
                             "token_ids",        false,         {}};
  run(context, exchange, from, request.streaming, {std::move(request.token_ids)},
      openai::make_generate_format(request.request_id));
}

}  // namespace llmd::engine
