// SPDX-License-Identifier: Apache-2.0
// Answers of the generating endpoints, whole and as server-sent events, in vLLM's wire form.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace llmd::openai {

struct Usage {
  uint32_t prompt_tokens = 0;
  uint32_t completion_tokens = 0;
  uint32_t cached_tokens = 0;
};

/// What ended a choice besides EOS and length: a token id or a stop string.
using StopReason = std::variant<std::monostate, uint32_t, std::string_view>;

/// A choice, or one chunk of it. Views are the caller's.
struct ChoicePart {
  uint32_t index = 0;
  std::string_view text;
  std::string_view finish_reason;  ///< empty: not ended
  StopReason stop_reason;
  bool with_token_ids = false;
  std::span<const uint32_t> token_ids;
  std::span<const uint32_t> prompt_token_ids;  ///< shown if with_token_ids and not empty
};

/// Each function appends to `out`, which its owner reuses: nothing else is allocated.
class ReplyFormat {
 public:
  virtual ~ReplyFormat() = default;
  /// The events that begin a choice's stream, if any.
  virtual void append_opening(std::string& out, const ChoicePart& part) const = 0;
  /// `usage` is null unless every chunk is to carry it.
  virtual void append_chunk(std::string& out, const ChoicePart& part, const Usage* usage) const = 0;
  virtual void append_usage_chunk(std::string& out, const Usage& usage) const = 0;
  virtual void append_response(std::string& out, std::span<const ChoicePart> choices,
                               const Usage& usage) const = 0;
  /// Whether a chunk that has tokens but no text yet is worth sending.
  virtual bool is_about_tokens() const { return false; }
};

std::unique_ptr<ReplyFormat> make_completion_format(std::string_view id, std::string_view model,
                                                    int64_t created_s);
std::unique_ptr<ReplyFormat> make_chat_format(std::string_view id, std::string_view model,
                                              int64_t created_s);
/// A chat whose answer is one call of the tool `name`, the generated text its arguments.
std::unique_ptr<ReplyFormat> make_tool_call_format(std::string_view id, std::string_view model,
                                                   int64_t created_s, std::string_view name);
std::unique_ptr<ReplyFormat> make_generate_format(std::string_view request_id);

/// Ends every stream.
constexpr std::string_view kDoneEvent = "data: [DONE]\n\n";

}  // namespace llmd::openai
