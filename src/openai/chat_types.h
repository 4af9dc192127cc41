// SPDX-License-Identifier: Apache-2.0
// Requests that carry chat messages. Apart from request_types.h for nlohmann's sake.
#pragma once

#include <nlohmann/json.hpp>

#include "openai/request_types.h"

namespace llmd::openai {

/// Whether an answer must call a tool.
enum class ToolChoice : uint8_t { kNone, kAuto, kRequired, kNamed };

/// What a chat template is rendered with.
struct ChatFields {
  /// As sent, except that content parts of type text are joined to one string, and tool call
  /// arguments are objects instead of JSON in a string, which is what templates expect.
  nlohmann::ordered_json messages;
  nlohmann::ordered_json tools;  ///< null when there are none, or tool_choice is "none"
  ToolChoice tool_choice = ToolChoice::kAuto;
  std::string tool_name;                   ///< with kNamed
  nlohmann::ordered_json template_kwargs;  ///< null or an object, added to the template's context
  bool add_generation_prompt = true;
  bool add_special_tokens = false;  ///< templates write BOS themselves
};

struct ChatRequest {
  std::string model;
  ChatFields chat;
  GenerationFields generation;
  StreamFields streaming;
};

/// What the prompt of a generating request is made of. Its other fields are the engine's to judge.
struct PromptRequest {
  std::vector<Prompt> prompts;  ///< none: `chat` has messages
  bool add_special_tokens = true;
  ChatFields chat;
  std::string cache_salt;
};

struct TokenizeRequest {
  std::string model;
  std::optional<std::string> prompt;  ///< else `chat` has messages
  bool add_special_tokens = true;
  bool return_token_strs = false;
  ChatFields chat;
};

}  // namespace llmd::openai
