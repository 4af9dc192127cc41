// SPDX-License-Identifier: Apache-2.0
// Calls of the tools that a chat brings, made up from their schemas.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "engine/api/capabilities.h"
#include "openai/error.h"

namespace llmd::openai {
struct ChatFields;
}

namespace llmd::engine {

struct ToolCall {
  std::string name;
  std::string arguments;  ///< a JSON object
};

/// Decides whether the answer to `chat` is to be a call, and of what: always when tool_choice
/// forces one, for half of all seeds when it is "auto" and the last message is no tool's result.
/// 501 when a call is forced on an engine whose answers are a model's; 400 for tools that cannot be
/// called.
std::optional<openai::ApiError> plan_tool_call(const Capabilities& capabilities,
                                               const openai::ChatFields& chat, uint64_t seed,
                                               std::optional<ToolCall>& out);

/// A value that satisfies a JSON Schema: type, enum, const, properties and required (others by
/// chance), items with minItems and maxItems, minimum and maximum, minLength, the first of anyOf
/// and oneOf. Refuses what it does not know ($ref, pattern) and what nests deeper than
/// kSchemaDepthMax.
Result<nlohmann::ordered_json> make_value(const nlohmann::ordered_json& schema, Random& random);

constexpr int kSchemaDepthMax = 16;
constexpr size_t kSchemaValuesMax = 4096;  ///< in one call

}  // namespace llmd::engine
