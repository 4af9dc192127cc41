// SPDX-License-Identifier: Apache-2.0
// From what a client asks to what the engine runs.
#pragma once

#include <optional>
#include <string_view>

#include "engine/api/api_context.h"
#include "openai/error.h"
#include "openai/request_types.h"

namespace llmd::engine {

enum class MaxTokensDefault : uint8_t {
  kSixteen,  ///< completions, as OpenAI has it
  kRest,     ///< whatever still fits
};

/// Everything of the request but its prompt and seed; defaults come from generation_config.json as
/// in vLLM. `prompt_param` names the prompt's field in errors.
struct RequestTemplate {
  const openai::GenerationFields& fields;
  const std::string& model;  ///< as asked for
  MaxTokensDefault max_tokens_default = MaxTokensDefault::kRest;
  std::string_view prompt_param = "prompt";
  bool detokenize = true;
  /// What the answer is to be, where the engine does not decide; else echo mode gives the prompt.
  std::optional<std::span<const TokenId>> verbatim;
};

/// Fills `out` for one choice of `prompt`, or says why it cannot be: an empty prompt, ids that the
/// model does not have, or more tokens than fit (code context_length_exceeded).
std::optional<openai::ApiError> make_engine_request(const ApiContext& context,
                                                    const RequestTemplate& from,
                                                    const std::vector<TokenId>& prompt,
                                                    uint64_t seed, EngineRequest& out);

/// 404 with the names that exist, unless `model` is one of them or empty.
std::optional<openai::ApiError> check_model(const ApiContext& context, const std::string& model);

}  // namespace llmd::engine
