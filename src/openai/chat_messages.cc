// SPDX-License-Identifier: Apache-2.0
#include "openai/chat_messages.h"

#include <fmt/core.h>

namespace llmd::openai {
namespace {

using Json = nlohmann::ordered_json;
using simdjson::dom::element;
using simdjson::dom::element_type;

/// Nothing when the value breaks kChatDepthMax or kJsonKeysMax.
std::optional<Json> to_json(element value, int depth = 0);

std::optional<Json> array_to_json(element value, int depth) {
  Json out = Json::array();
  const simdjson::dom::array array = value.get_array();
  for (const element item : array) {
    std::optional<Json> converted = to_json(item, depth + 1);
    if (!converted) return std::nullopt;
    out.push_back(std::move(*converted));
  }
  return out;
}

std::optional<Json> object_to_json(element value, int depth) {
  Json out = Json::object();
  const simdjson::dom::object object = value.get_object();
  if (object.size() > kJsonKeysMax) return std::nullopt;  // keys are looked up one by one
  for (const auto field : object) {
    std::optional<Json> converted = to_json(field.value, depth + 1);
    if (!converted) return std::nullopt;
    out[std::string(field.key)] = std::move(*converted);
  }
  return out;
}

std::optional<Json> to_json(element value, int depth) {
  if (depth > kChatDepthMax) return std::nullopt;
  switch (value.type()) {
    case element_type::ARRAY:
      return array_to_json(value, depth);
    case element_type::OBJECT:
      return object_to_json(value, depth);
    case element_type::STRING:
      return Json(std::string(value.get_string().value_unsafe()));
    case element_type::INT64:
      return Json(value.get_int64().value_unsafe());
    case element_type::UINT64:
      return Json(value.get_uint64().value_unsafe());
    case element_type::DOUBLE:
      return Json(value.get_double().value_unsafe());
    case element_type::BOOL:
      return Json(value.get_bool().value_unsafe());
    case element_type::NULL_VALUE:
      break;
  }
  return Json(nullptr);
}

Status bad_message(size_t index, std::string_view what, int status = 400) {
  return make_error(status, fmt::format("messages[{}] {}", index, what),
                    fmt::format("messages[{}]", index));
}

/// Text parts become one string, lines between them, as vLLM does for templates that want strings.
Status join_parts(Json& content, size_t index) {
  std::string text;
  for (const Json& part : content) {
    if (!part.is_object() || !part.contains("type") || !part["type"].is_string()) {
      return bad_message(index, "has a content part without a type");
    }
    const auto& type = part["type"].get_ref<const std::string&>();
    if (type != "text") {
      return bad_message(
          index, fmt::format("has content of type {}: this engine supports text only", type), 501);
    }
    if (!part.contains("text") || !part["text"].is_string()) {
      return bad_message(index, "has a text part without its text");
    }
    if (!text.empty()) text += '\n';
    text += part["text"].get_ref<const std::string&>();
  }
  content = std::move(text);
  return {};
}

void parse_arguments(Json& call) {
  if (!call.is_object() || !call.contains("function")) return;
  Json& function = call["function"];
  if (!function.is_object() || !function.contains("arguments")) return;
  Json& arguments = function["arguments"];
  if (!arguments.is_string()) return;
  simdjson::dom::parser parser;
  element parsed;
  const auto& text = arguments.get_ref<const std::string&>();
  if (parser.parse(text).get(parsed) != simdjson::SUCCESS || !parsed.is_object()) return;
  if (std::optional<Json> converted = to_json(parsed)) arguments = std::move(*converted);
}

Status check_message(Json& message, size_t index) {
  if (!message.is_object()) return bad_message(index, "must be an object");
  if (!message.contains("role") || !message["role"].is_string()) {
    return bad_message(index, "has no role");
  }
  if (message.contains("tool_calls") && message["tool_calls"].is_array()) {
    for (Json& call : message["tool_calls"]) parse_arguments(call);
  }
  if (!message.contains("content")) return {};
  Json& content = message["content"];
  if (content.is_array()) return join_parts(content, index);
  if (content.is_string() || content.is_null()) return {};
  return bad_message(index, "has content that is neither a string nor an array of parts");
}

Status check_messages(Json& messages) {
  if (!messages.is_array() || messages.empty()) {
    return make_error(400, "messages must be an array with at least one message", "messages");
  }
  for (size_t i = 0; i < messages.size(); ++i) {
    if (Status error = check_message(messages[i], i)) return error;
  }
  return {};
}

}  // namespace

bool ChatReader::read(const JsonField& field, Status& error) {
  const std::string_view name = field.name();
  if (name == "messages") {
    error = read_object(field, fields_.messages);
  } else if (name == "tools") {
    error = read_object(field, fields_.tools);
  } else if (name == "chat_template_kwargs") {
    error = read_object(field, fields_.template_kwargs);
  } else if (name == "tool_choice") {
    error = read_tool_choice(field);
  } else if (name == "add_generation_prompt") {
    error = field.read(fields_.add_generation_prompt);
  } else if (name == "add_special_tokens") {
    error = field.read(fields_.add_special_tokens);
  } else {
    return false;
  }
  return true;
}

Status ChatReader::read_tool_choice(const JsonField& field) {
  const std::optional<std::string_view> choice = field.text();
  std::string_view name;
  if (choice == "none") {
    fields_.tool_choice = ToolChoice::kNone;
  } else if (choice == "auto") {
    fields_.tool_choice = ToolChoice::kAuto;
  } else if (choice == "required") {
    fields_.tool_choice = ToolChoice::kRequired;
  } else if (field.value().at_pointer("/function/name").get_string().get(name) ==
             simdjson::SUCCESS) {
    fields_.tool_choice = ToolChoice::kNamed;
    fields_.tool_name = name;
  } else {
    return field.invalid("must be none, auto, required, or an object that names a function");
  }
  return {};
}

Status ChatReader::read_object(const JsonField& field, Json& out) {
  std::optional<Json> converted = to_json(field.value());
  if (!converted) {
    return field.invalid(
        fmt::format("is nested deeper than {} levels or has an object of more than {} keys",
                    kChatDepthMax, kJsonKeysMax));
  }
  out = std::move(*converted);
  return {};
}

Status ChatReader::finish(ChatFields& out) {
  if (Status error = check_messages(fields_.messages)) return error;
  const Json& tools = fields_.tools;
  if (!tools.is_null() && !tools.is_array()) {
    return make_error(400, "tools must be an array", "tools");
  }
  const Json& kwargs = fields_.template_kwargs;
  if (!kwargs.is_null() && !kwargs.is_object()) {
    return make_error(400, "chat_template_kwargs must be an object", "chat_template_kwargs");
  }
  if (fields_.tool_choice == ToolChoice::kNone || tools.empty()) fields_.tools = nullptr;
  out = std::move(fields_);
  return {};
}

}  // namespace llmd::openai
