// SPDX-License-Identifier: Apache-2.0
#include "engine/api/tool_calls.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "openai/chat_types.h"

namespace llmd::engine {
namespace {

using Json = nlohmann::ordered_json;
using openai::make_error;
using openai::ToolChoice;

bool is_callable(const Json& tool) {
  return tool.is_object() && tool.contains("function") && tool["function"].is_object() &&
         tool["function"].contains("name") && tool["function"]["name"].is_string();
}

std::string name_of(const Json& tool) { return tool["function"]["name"].get<std::string>(); }

bool follows_a_result(const openai::ChatFields& chat) {
  return chat.messages.back().value("role", "") == "tool";
}

/// The tool to call; null when none has the name that was asked for.
const Json* choose_tool(const openai::ChatFields& chat, Random& random) {
  if (chat.tool_choice != ToolChoice::kNamed) return &chat.tools[random.below(chat.tools.size())];
  for (const Json& tool : chat.tools) {
    if (name_of(tool) == chat.tool_name) return &tool;
  }
  return nullptr;
}

}  // namespace

std::optional<openai::ApiError> plan_tool_call(const Capabilities& capabilities,
                                               const openai::ChatFields& chat, uint64_t seed,
                                               std::optional<ToolCall>& out) {
  const bool forced =
      chat.tool_choice == ToolChoice::kRequired || chat.tool_choice == ToolChoice::kNamed;
  if (!capabilities.answers) {
    if (!forced) return std::nullopt;
    return make_error(501, "this engine does not support forced tool choice", "tool_choice");
  }
  if (chat.tools.is_null()) {
    if (!forced) return std::nullopt;
    return make_error(400, "tool_choice asks for a call, but there are no tools", "tool_choice");
  }
  for (const Json& tool : chat.tools) {
    if (!is_callable(tool)) return make_error(400, "a tool has no function with a name", "tools");
  }
  Random random(seed);
  if (!forced && (follows_a_result(chat) || random.below(2) == 0)) return std::nullopt;
  const Json* tool = choose_tool(chat, random);
  if (tool == nullptr) {
    return make_error(400, fmt::format("there is no tool \"{}\"", chat.tool_name), "tool_choice");
  }
  Json schema = (*tool)["function"].value("parameters", Json::object());
  if (schema.is_object() && !schema.contains("type")) schema["type"] = "object";
  const Result<Json> arguments = make_value(schema, random);
  if (!arguments) return make_error(400, arguments.error().message, "tools");
  out = ToolCall{name_of(*tool), arguments->dump()};
  return std::nullopt;
}

}  // namespace llmd::engine
