// SPDX-License-Identifier: Apache-2.0
// The small JSON files beside a model's weights. Included by .cc files only.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.h"

namespace llmd::tokenize {

/// The file `name` of `directory`, an object; an empty one where there is no such file. Errors name
/// the file.
Result<nlohmann::json> read_model_json(const std::string& directory, const char* name);

/// The file's path.
std::string model_file(const std::string& directory, const char* name);

/// A token's text in them: a string, or an added token's object with its `content`.
std::optional<std::string> token_text(const nlohmann::json& value);

}  // namespace llmd::tokenize
