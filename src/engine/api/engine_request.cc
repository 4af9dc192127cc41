// SPDX-License-Identifier: Apache-2.0
#include "engine/api/engine_request.h"

#include <fmt/format.h>

#include <algorithm>

namespace llmd::engine {
namespace {

using openai::ApiError;
using openai::GenerationFields;
using openai::make_error;

/// Below it vLLM samples greedily.
constexpr double kGreedyBelow = 1e-5;

SamplingParams sampling_of(const GenerationFields& fields, const GenerationDefaults& defaults,
                           uint64_t seed) {
  SamplingParams params;
  const double temperature = fields.temperature.value_or(defaults.temperature.value_or(1.0));
  params.temperature = temperature < kGreedyBelow ? 0.0F : static_cast<float>(temperature);
  params.top_p = static_cast<float>(fields.top_p.value_or(defaults.top_p.value_or(1.0)));
  params.top_k = fields.top_k.value_or(defaults.top_k.value_or(0));
  params.seed = seed;
  return params;
}

ApiError too_long(uint32_t max_model_len, size_t prompt, std::optional<uint32_t> max_tokens,
                  std::string_view param) {
  std::string asked = fmt::format("your prompt has {} tokens", prompt);
  if (max_tokens) {
    asked = fmt::format("you asked for {} tokens ({} in the prompt, {} to be generated)",
                        prompt + *max_tokens, prompt, *max_tokens);
  }
  return make_error(400,
                    fmt::format("This model's maximum context length is {} tokens, however {}. "
                                "Please shorten the prompt or the completion.",
                                max_model_len, asked),
                    std::string(param), "context_length_exceeded");
}

std::optional<ApiError> check_prompt(const ApiContext& context, const RequestTemplate& from,
                                     const std::vector<TokenId>& prompt) {
  const std::string param(from.prompt_param);
  if (prompt.empty()) return make_error(400, param + " must have at least one token", param);
  const TokenId largest = *std::max_element(prompt.begin(), prompt.end());
  if (largest >= context.vocab_size) {
    return make_error(400,
                      fmt::format("{} has token id {}; this model's ids are below {}", param,
                                  largest, context.vocab_size),
                      param);
  }
  const uint32_t longest = context.engine.options().max_model_len;
  const uint64_t wanted = prompt.size() + uint64_t{from.fields.max_tokens.value_or(1)};
  if (wanted > longest) {
    return too_long(longest, prompt.size(), from.fields.max_tokens, from.prompt_param);
  }
  return std::nullopt;
}

const LoraAdapter* find_adapter(const ApiContext& context, std::string_view model) {
  const auto& lora = context.capabilities.lora;
  return lora ? lora->find(model) : nullptr;
}

uint32_t max_tokens_of(const ApiContext& context, const RequestTemplate& from, size_t prompt) {
  if (from.fields.max_tokens) return *from.fields.max_tokens;
  const auto rest = static_cast<uint32_t>(context.engine.options().max_model_len - prompt);
  const uint32_t most = from.max_tokens_default == MaxTokensDefault::kSixteen
                            ? 16
                            : context.assets.defaults.max_new_tokens.value_or(rest);
  return std::min(rest, most);
}

}  // namespace

std::optional<ApiError> make_engine_request(const ApiContext& context, const RequestTemplate& from,
                                            const std::vector<TokenId>& prompt, uint64_t seed,
                                            EngineRequest& out) {
  if (auto error = check_prompt(context, from, prompt)) return error;
  out.prompt = prompt;
  out.sampling = sampling_of(from.fields, context.assets.defaults, seed);
  out.stop.max_tokens = max_tokens_of(context, from, prompt.size());
  out.stop.min_tokens = from.fields.min_tokens;
  if (out.stop.min_tokens > out.stop.max_tokens) {
    return make_error(400,
                      fmt::format("min_tokens must be at most max_tokens={}, got {}",
                                  out.stop.max_tokens, out.stop.min_tokens),
                      "min_tokens");
  }
  out.stop.ignore_eos = from.fields.ignore_eos;
  out.stop.token_ids = from.fields.stop_token_ids;
  out.text.stop_strings = from.fields.stop;
  out.text.include_stop_string = from.fields.include_stop_str_in_output;
  out.text.skip_special_tokens = from.fields.skip_special_tokens;
  out.detokenize = from.detokenize || !from.fields.stop.empty();
  out.cache_salt = from.fields.cache_salt;
  if (const LoraAdapter* adapter = find_adapter(context, from.model)) {
    out.adapter = adapter->id;
    out.adapter_name = from.model;
  }
  if (const auto& answers = context.capabilities.answers) {
    std::optional<std::span<const TokenId>> verbatim = from.verbatim;
    if (!verbatim && answers->echoes()) verbatim = prompt;
    out.sampling.script =
        answers->script({prompt.size(), verbatim, seed, from.fields.max_tokens.has_value(),
                         from.fields.ignore_eos});
  }
  return std::nullopt;
}

std::optional<ApiError> check_model(const ApiContext& context, const std::string& model) {
  const std::vector<std::string>& names = context.model_names;
  if (model.empty() || std::find(names.begin(), names.end(), model) != names.end()) return {};
  if (find_adapter(context, model) != nullptr) return {};
  return make_error(
      404,
      fmt::format("The model `{}` does not exist. Available: {}.", model, fmt::join(names, ", ")),
      "model", "model_not_found");
}

}  // namespace llmd::engine
