// SPDX-License-Identifier: Apache-2.0
#include "tokenize/chat_template.h"

#include <nlohmann/json.hpp>

namespace llmd::tokenize {

struct ChatTemplate::Program {};

ChatTemplate::ChatTemplate(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

Result<ChatTemplate> ChatTemplate::parse(std::string_view) {
  return Error{Errc::kUnimplemented, "chat templates are not built yet"};
}

Result<std::string> ChatTemplate::render(const nlohmann::ordered_json&) const {
  return Error{Errc::kUnimplemented, "chat templates are not built yet"};
}

}  // namespace llmd::tokenize
