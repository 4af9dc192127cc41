// SPDX-License-Identifier: Apache-2.0
// What the bodies of the OpenAI surface, and of vLLM's additions to it, ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace llmd::openai {

/// Fields that every generating request has, named as vLLM's SamplingParams. What is not given
/// stays empty: the model's generation_config.json decides then.
struct GenerationFields {
  std::optional<double> temperature;  ///< >= 0
  std::optional<double> top_p;        ///< in (0, 1]
  std::optional<int32_t> top_k;       ///< -1 and 0: off
  std::optional<uint64_t> seed;
  std::optional<uint32_t> max_tokens;             ///< >= 1
  std::optional<uint32_t> max_completion_tokens;  ///< its newer name, which wins
  uint32_t min_tokens = 0;
  bool ignore_eos = false;
  std::vector<std::string> stop;  ///< none empty
  std::vector<uint32_t> stop_token_ids;
  bool include_stop_str_in_output = false;
  bool skip_special_tokens = true;
  uint32_t n = 1;          ///< choices per prompt
  std::string cache_salt;  ///< requests of different salts share no cached prefix
};

struct StreamFields {
  bool stream = false;
  bool include_usage = false;     ///< a last chunk with the usage
  bool continuous_usage = false;  ///< usage in every chunk
  bool return_token_ids = false;
};

/// Text, or token ids.
using Prompt = std::variant<std::string, std::vector<uint32_t>>;

struct CompletionRequest {
  std::string model;
  std::vector<Prompt> prompts;  ///< at least one
  bool add_special_tokens = true;
  GenerationFields generation;
  StreamFields streaming;
};

/// vLLM's tokens in, tokens out (vllm/entrypoints/serve/disagg/protocol.py).
struct GenerateRequest {
  std::string request_id;  ///< empty: the server makes one
  std::string model;       ///< empty: the one that is served
  std::vector<uint32_t> token_ids;
  GenerationFields generation;
  StreamFields streaming;
};

struct DetokenizeRequest {
  std::string model;
  std::vector<uint32_t> tokens;
};

/// vLLM's /v1/load_lora_adapter and /v1/unload_lora_adapter.
struct LoraRequest {
  std::string name;
  std::string path;  ///< empty when unloading
};

// Limits on what one request may ask for; beyond them it is answered 400.
constexpr uint32_t kChoicesMax = 128;  ///< n
constexpr size_t kPromptsMax = 1024;   ///< prompts in one completion request
constexpr size_t kStopStringsMax = 32;
constexpr size_t kStopStringBytesMax = 256;
constexpr size_t kStopTokensMax = 1024;
constexpr size_t kSaltBytesMax = 1024;
constexpr size_t kRequestIdBytesMax = 256;
constexpr size_t kJsonKeysMax = 1024;  ///< keys of one object there
constexpr int kChatDepthMax = 64;      ///< nesting within messages and tools

}  // namespace llmd::openai
