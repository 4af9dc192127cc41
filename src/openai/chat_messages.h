// SPDX-License-Identifier: Apache-2.0
// The fields of a request that carries chat messages. Included by .cc files only.
#pragma once

#include "openai/chat_types.h"
#include "openai/json_field.h"

namespace llmd::openai {

/// Collects chat fields in whatever order they come, then puts them together.
class ChatReader {
 public:
  /// False when the field is none of a chat's.
  bool read(const JsonField& field, Status& error);
  Status finish(ChatFields& out);

 private:
  Status read_tool_choice(const JsonField& field);
  Status read_object(const JsonField& field, nlohmann::ordered_json& out);

  ChatFields fields_;
};

}  // namespace llmd::openai
