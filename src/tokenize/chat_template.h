// SPDX-License-Identifier: Apache-2.0
// Chat templates: the Jinja subset that published models use.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace llmd::tokenize {

/// A parsed template. Immutable; any thread. Rendering is bounded in steps and output size.
class ChatTemplate {
 public:
  /// Errors carry line and column and name the construct that is not supported.
  static Result<ChatTemplate> parse(std::string_view source);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  /// `context` holds messages, tools, add_generation_prompt, bos_token, … as an object, whose key
  /// order is kept (`| tojson` shows it). A template's raise_exception is kInvalidArgument with its
  /// message. Settings equal those of transformers: trim_blocks, lstrip_blocks. `now` is what
  /// strftime_now shows, in local time.
  Result<std::string> render(
      const nlohmann::ordered_json& context,
      std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) const;

 private:
  struct Program;
  explicit ChatTemplate(std::shared_ptr<const Program> program);
  std::shared_ptr<const Program> program_;
};

}  // namespace llmd::tokenize
