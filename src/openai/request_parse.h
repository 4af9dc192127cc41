// SPDX-License-Identifier: Apache-2.0
// JSON bodies to requests. Fields that this engine does not know and that change no meaning are
// ignored; those that would change the answer are refused by name.
#pragma once

#include <optional>
#include <string_view>

#include "openai/error.h"

namespace llmd::openai {

struct CompletionRequest;
struct ChatRequest;
struct GenerateRequest;
struct PromptRequest;
struct TokenizeRequest;
struct DetokenizeRequest;
struct LoraRequest;

/// Nothing when `out` was filled; otherwise what to answer: 400 for what breaks a rule, 501 for
/// what this engine cannot do. Any bytes may be given. Time and memory are linear in the body.
std::optional<ApiError> parse_request(std::string_view body, CompletionRequest& out);
std::optional<ApiError> parse_request(std::string_view body, ChatRequest& out);
std::optional<ApiError> parse_request(std::string_view body, GenerateRequest& out);
/// Of completions, chat completions or /inference/v1/generate: the first of messages, token_ids and
/// prompt that there is. Refused are fields that change the prompt's tokens in ways not known here.
std::optional<ApiError> parse_request(std::string_view body, PromptRequest& out);
std::optional<ApiError> parse_request(std::string_view body, TokenizeRequest& out);
std::optional<ApiError> parse_request(std::string_view body, DetokenizeRequest& out);
std::optional<ApiError> parse_request(std::string_view body, LoraRequest& out);

}  // namespace llmd::openai
