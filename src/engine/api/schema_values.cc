// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/api/tool_calls.h"

namespace llmd::engine {
namespace {

using Json = nlohmann::ordered_json;

// Where a schema sets no bounds; llm-d-inference-sim's defaults.
constexpr double kNumberMax = 100;
constexpr uint64_t kItemsMin = 1;
constexpr uint64_t kItemsMax = 5;
constexpr uint64_t kItemsEver = 64;
constexpr size_t kTextBytesEver = 1024;

constexpr std::array<std::string_view, 8> kWords = {"reed",  "heron", "mill", "bank",
                                                    "alder", "boat",  "rope", "noon"};

class ValueMaker {
 public:
  explicit ValueMaker(Random& random) : random_(random) {}

  Result<Json> make(const Json& schema, int depth) {
    if (!schema.is_object()) return invalid_argument("a tool's schema must be an object");
    if (depth > kSchemaDepthMax || ++values_ > kSchemaValuesMax) {
      return invalid_argument(
          fmt::format("a tool's schema nests deeper than {} or asks for more "
                      "than {} values",
                      kSchemaDepthMax, kSchemaValuesMax));
    }
    for (const char* unknown : {"$ref", "pattern", "allOf", "not"}) {
      if (schema.contains(unknown)) {
        return invalid_argument(
            fmt::format("a tool's schema uses {}, which simulated engines do "
                        "not know",
                        unknown));
      }
    }
    if (schema.contains("const")) return schema["const"];
    for (const char* list : {"enum", "anyOf", "oneOf"}) {
      if (!schema.contains(list)) continue;
      const Json& options = schema[list];
      if (!options.is_array() || options.empty()) {
        return invalid_argument(fmt::format("a tool's schema has an empty {}", list));
      }
      if (list == std::string_view("enum")) return options[random_.below(options.size())];
      return make(options.front(), depth + 1);
    }
    return make_typed(schema, type_of(schema), depth);
  }

 private:
  /// The first type that is given and is not null; what has properties is an object.
  static std::string type_of(const Json& schema) {
    const Json type = schema.value("type", Json());
    if (type.is_string()) return type.get<std::string>();
    if (type.is_array()) {
      for (const Json& each : type) {
        if (each.is_string() && each != "null") return each.get<std::string>();
      }
    }
    return schema.contains("properties") ? "object" : "string";
  }

  Result<Json> make_typed(const Json& schema, const std::string& type, int depth) {
    if (type == "object") return make_object(schema, depth);
    if (type == "array") return make_array(schema, depth);
    if (type == "string") return Json(make_text(schema));
    if (type == "boolean") return Json(random_.below(2) == 1);
    if (type == "null") return Json(nullptr);
    const double least = bound(schema, "minimum", 0);
    const double most = bound(schema, "maximum", std::max(kNumberMax, least));
    const double value = least + random_.next_unit() * (most - least);
    if (type == "number") return Json(value);
    if (type == "integer") {
      const double whole =
          std::max(std::ceil(least), std::min(std::round(value), std::floor(most)));
      return Json(static_cast<int64_t>(whole));
    }
    return invalid_argument(fmt::format("a tool's schema has the type \"{}\"", type));
  }

  Result<Json> make_object(const Json& schema, int depth) {
    Json out = Json::object();
    const Json properties = schema.value("properties", Json::object());
    if (!properties.is_object()) return invalid_argument("a tool's properties must be an object");
    const Json required = schema.value("required", Json::array());
    for (const auto& [name, property] : properties.items()) {
      const bool must = std::find(required.begin(), required.end(), name) != required.end();
      if (!must && random_.below(2) == 0) continue;
      LLMD_ASSIGN_OR_RETURN(out[name], make(property, depth + 1));
    }
    return out;
  }

  Result<Json> make_array(const Json& schema, int depth) {
    const auto least = static_cast<uint64_t>(bound(schema, "minItems", kItemsMin));
    const auto most = static_cast<uint64_t>(
        bound(schema, "maxItems", static_cast<double>(std::max(kItemsMax, least))));
    const uint64_t count =
        std::min(least + random_.below(std::max(most, least) - least + 1), kItemsEver);
    const Json items = schema.value("items", Json::object());
    Json out = Json::array();
    for (uint64_t i = 0; i < count; ++i) {
      LLMD_ASSIGN_OR_RETURN(Json item, make(items, depth + 1));
      out.push_back(std::move(item));
    }
    return out;
  }

  std::string make_text(const Json& schema) {
    std::string text(kWords[random_.below(kWords.size())]);
    const auto least = std::min(static_cast<size_t>(bound(schema, "minLength", 0)), kTextBytesEver);
    while (text.size() < least) text += kWords[random_.below(kWords.size())];
    const auto most = static_cast<size_t>(bound(schema, "maxLength", kTextBytesEver));
    return text.substr(0, std::max(most, least));
  }

  /// A bound that the schema sets, kept within what fits an integer.
  static double bound(const Json& schema, const char* key, double fallback) {
    const Json value = schema.value(key, Json());
    if (!value.is_number()) return fallback;
    const bool is_count = key != std::string_view("minimum") && key != std::string_view("maximum");
    return std::clamp(value.get<double>(), is_count ? 0.0 : -1e15, 1e15);
  }

  Random& random_;
  size_t values_ = 0;
};

}  // namespace

Result<Json> make_value(const Json& schema, Random& random) {
  return ValueMaker(random).make(schema, 0);
}

}  // namespace llmd::engine
