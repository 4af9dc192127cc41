// SPDX-License-Identifier: Apache-2.0
#include "tokenize/chat_template.h"

#include <nlohmann/json.hpp>

#include "tokenize/jinja/interpreter.h"
#include "tokenize/jinja/parser.h"

namespace llmd::tokenize {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kContextDepthMax = 90;  ///< below what the interpreter allows of values

/// Texts stay where they are: the context outlives the render.
Result<jinja::Value> to_value(const Json& json, int depth) {
  if (depth > kContextDepthMax) {
    return Error{Errc::kTooLarge, "chat template: the context is nested too deep"};
  }
  switch (json.type()) {
    case Json::value_t::boolean:
      return jinja::Value{json.get<bool>()};
    case Json::value_t::number_float:
      return jinja::Value{json.get<double>()};
    case Json::value_t::number_integer:
      return jinja::Value{json.get<int64_t>()};
    case Json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > INT64_MAX) return jinja::Value{static_cast<double>(number)};
      return jinja::Value{static_cast<int64_t>(number)};
    }
    case Json::value_t::string:
      return jinja::make_view(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      jinja::List list;
      for (const Json& item : json) {
        LLMD_ASSIGN_OR_RETURN(jinja::Value value, to_value(item, depth + 1));
        list.push_back(std::move(value));
      }
      return jinja::make_list(std::move(list));
    }
    case Json::value_t::object: {
      jinja::Dict dict;
      for (const auto& [key, item] : json.items()) {
        LLMD_ASSIGN_OR_RETURN(jinja::Value value, to_value(item, depth + 1));
        dict.entries.emplace_back(jinja::make_view(key), std::move(value));
      }
      return jinja::make_dict(std::move(dict));
    }
    default:
      return jinja::make_none();
  }
}

}  // namespace

struct ChatTemplate::Program {
  jinja::Body body;
};

ChatTemplate::ChatTemplate(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

Result<ChatTemplate> ChatTemplate::parse(std::string_view source) {
  LLMD_ASSIGN_OR_RETURN(jinja::Body body, jinja::parse(source));
  return ChatTemplate(std::make_shared<const Program>(Program{std::move(body)}));
}

Result<std::string> ChatTemplate::render(const nlohmann::ordered_json& context,
                                         std::chrono::system_clock::time_point now) const {
  if (!context.is_object()) return invalid_argument("chat template: the context is no object");
  LLMD_ASSIGN_OR_RETURN(const jinja::Value variables, to_value(context, 0));
  return jinja::Interpreter(now).render(program_->body, *variables.dict());
}

}  // namespace llmd::tokenize
