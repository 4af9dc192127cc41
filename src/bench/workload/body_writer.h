// SPDX-License-Identifier: Apache-2.0
// A request as the JSON body that an OpenAI-compatible server reads.
#pragma once

#include <string>
#include <string_view>

#include "bench/workload/request.h"
#include "bench/workload/token_text.h"

namespace llmd::bench {

enum class Api : uint8_t { kCompletion, kChat };

struct BodyOptions {
  Api api = Api::kCompletion;
  std::string model;
  bool streaming = true;  ///< with usage in the last event
  /// Asks for exactly the wanted number of tokens (vLLM's ignore_eos and min_tokens).
  bool ignore_eos = true;
};

/// "/v1/completions" or "/v1/chat/completions".
std::string_view path_of(Api api);

/// Appends the body to `out`. A completion's prompt is its messages' text, one after the other.
void write_body(const BodyOptions& options, const TokenText& text, const Request& request,
                std::string& out);
/// Appends what POST /tokenize takes to count the same prompt's tokens.
void write_tokenize_body(const BodyOptions& options, const TokenText& text, const Request& request,
                         std::string& out);

}  // namespace llmd::bench
