// SPDX-License-Identifier: Apache-2.0
// Reading fields of a parsed tokenizer file, with errors that name the field.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace llmd::tokenize {

using Json = simdjson::dom::element;

/// The field, unless it is absent or null or `object` is no object.
std::optional<Json> field(Json object, std::string_view key);
/// `where` names the object in errors, as in "normalizer Prepend".
Result<std::string_view> text_field(Json object, std::string_view key, std::string_view where);
Result<bool> bool_field(Json object, std::string_view key, bool fallback, std::string_view where);
Result<uint64_t> uint_field(Json object, std::string_view key, std::string_view where);
Result<simdjson::dom::array> array_field(Json object, std::string_view key, std::string_view where);
/// The elements of `steps_key` where `step` is a Sequence (sequences in it opened up too), else
/// `step` alone; nothing for null.
Result<std::vector<Json>> flatten_sequence(std::optional<Json> step, std::string_view steps_key,
                                           std::string_view what);
Error unknown_type(std::string_view what, std::string_view type);

}  // namespace llmd::tokenize
