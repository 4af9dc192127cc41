// SPDX-License-Identifier: Apache-2.0
#include "tokenize/model_files.h"

#include <filesystem>

#include "base/text.h"

namespace llmd::tokenize {
namespace {

constexpr size_t kConfigBytesMax = 16U << 20U;

}  // namespace

std::string model_file(const std::string& directory, const char* name) {
  return (std::filesystem::path(directory) / name).string();
}

Result<nlohmann::json> read_model_json(const std::string& directory, const char* name) {
  const std::string path = model_file(directory, name);
  if (!std::filesystem::exists(path)) return nlohmann::json(nlohmann::json::object());
  LLMD_ASSIGN_OR_RETURN(const std::string text, read_file(path, kConfigBytesMax));
  nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return invalid_argument(path + " is not a JSON object");
  return json;
}

std::optional<std::string> token_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return std::nullopt;
}

}  // namespace llmd::tokenize
