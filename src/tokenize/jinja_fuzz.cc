// SPDX-License-Identifier: Apache-2.0
// The input is a template, rendered with one fixed context.
#include <nlohmann/json.hpp>

#include "tokenize/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto context = nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": "be kind"},
                 {"role": "user", "content": "grüße 👋", "n": [1, -2.5, true, null]},
                 {"role": "assistant", "content": null, "tool_calls": [
                    {"function": {"name": "f", "arguments": {"x": 1, "items": []}}}]}],
    "tools": [{"name": "f", "parameters": {"type": "object"}}],
    "bos_token": "<s>", "add_generation_prompt": true})");
  const auto parsed = llmd::tokenize::ChatTemplate::parse(
      std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed) return 0;
  const auto epoch = std::chrono::system_clock::time_point();
  static_cast<void>(parsed->render(context, epoch).ok());
  return 0;
}
