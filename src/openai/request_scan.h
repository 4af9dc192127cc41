// SPDX-License-Identifier: Apache-2.0
// What a gateway must know of a request body, found in one pass over the bytes, in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace llmd::openai {

/// Nesting beyond this is refused, as no API field needs it.
inline constexpr int kJsonDepthMax = 128;

/// Where a JSON value lies in the body, quotes and brackets included; [begin, end) in bytes, so
/// that it can be spliced. Empty when the field is absent.
struct Span {
  size_t begin = 0;
  size_t end = 0;

  bool present() const { return end > begin; }
  std::string_view of(std::string_view body) const { return body.substr(begin, end - begin); }
};

struct RequestScan {
  std::string model_name;  ///< unescaped; empty when "model" is absent
  Span model;
  Span prompt;              ///< "prompt" of completions; "token_ids" of /inference/v1/generate
  Span messages;            ///< of chat completions
  Span tools;               ///< part of what a chat template renders in front of the messages
  Span cache_salt;          ///< requests with another salt share no cache
  Span kv_transfer_params;  ///< a control field: clients may not send it
  Span stream_options;
  bool stream = false;
  bool include_usage = false;          ///< stream_options.include_usage
  std::optional<uint64_t> max_tokens;  ///< max_completion_tokens before max_tokens

  /// What the prompt is made of: messages if present, else prompt.
  const Span& content() const { return messages.present() ? messages : prompt; }
};

/// Checks that `body` is one valid JSON object (RFC 8259, UTF-8, nothing behind it) and finds the
/// fields above. Refused besides invalid JSON: a field above that occurs twice (engine and gateway
/// could disagree on which counts), a model that is not a string. A field of another type than
/// expected is left for the engine to refuse. Errors say at which byte. Any thread.
Result<RequestScan> scan_request(std::string_view body);

}  // namespace llmd::openai
