// SPDX-License-Identifier: Apache-2.0
#include "openai/json_field.h"

#include <fmt/core.h>

#include <cmath>

namespace llmd::openai {

using simdjson::dom::element_type;

bool JsonField::is_neutral() const {
  switch (value_.type()) {
    case element_type::NULL_VALUE:
      return true;
    case element_type::BOOL:
      return !value_.get_bool().value_unsafe();
    case element_type::STRING:
      return value_.get_string().value_unsafe().empty();
    case element_type::ARRAY:
      return value_.get_array().value_unsafe().size() == 0;
    case element_type::OBJECT:
      return value_.get_object().value_unsafe().size() == 0;
    default:
      return number() == 0.0;
  }
}

std::optional<std::string_view> JsonField::text() const {
  std::string_view result;
  if (value_.get_string().get(result) != simdjson::SUCCESS) return std::nullopt;
  return result;
}

std::optional<double> JsonField::number() const {
  double result = 0;
  if (value_.get_double().get(result) != simdjson::SUCCESS) return std::nullopt;
  return result;
}

Status JsonField::read(bool& out) const {
  if (value_.get_bool().get(out) == simdjson::SUCCESS) return {};
  return invalid("must be true or false");
}

Status JsonField::read(std::string& out, size_t bytes_max) const {
  const std::optional<std::string_view> found = text();
  if (!found) return invalid("must be a string");
  if (found->size() > bytes_max) {
    return invalid(fmt::format("must have at most {} bytes", bytes_max));
  }
  out = *found;
  return {};
}

Status JsonField::read(double& out, double smallest, double largest) const {
  const std::optional<double> found = number();
  if (!found) return invalid("must be a number");
  if (*found < smallest || *found > largest) {
    return invalid(fmt::format("must be between {} and {}, got {}", smallest, largest, *found));
  }
  out = *found;
  return {};
}

Status JsonField::read(int64_t& out, int64_t smallest, int64_t largest) const {
  const bool integral = value_.get_int64().get(out) == simdjson::SUCCESS;
  const std::optional<double> found = number();
  if (!integral) {
    constexpr double kExactMax = 1LL << 53;
    if (!found || std::floor(*found) != *found) return invalid("must be an integer");
    if (std::abs(*found) > kExactMax) return invalid("is out of range");
    out = static_cast<int64_t>(*found);
  }
  if (out >= smallest && out <= largest) return {};
  return invalid(fmt::format("must be between {} and {}, got {}", smallest, largest, out));
}

Status JsonField::read(std::vector<uint32_t>& out, size_t count_max) const {
  simdjson::dom::array array;
  if (value_.get_array().get(array) != simdjson::SUCCESS) {
    return invalid("must be an array of token ids");
  }
  out.clear();
  for (const simdjson::dom::element element : array) {
    uint64_t id = 0;
    if (element.get_uint64().get(id) != simdjson::SUCCESS ||
        id > std::numeric_limits<uint32_t>::max()) {
      return invalid("must be an array of token ids: integers from 0 to 4294967295");
    }
    if (out.size() == count_max) return invalid(fmt::format("has more than {} ids", count_max));
    out.push_back(static_cast<uint32_t>(id));
  }
  return {};
}

ApiError JsonField::invalid(std::string_view message) const {
  return make_error(400, fmt::format("{} {}", name_, message), std::string(name_));
}

ApiError JsonField::unsupported() const {
  return make_error(501, fmt::format("this engine does not support {}", name_), std::string(name_));
}

Status parse_object(std::string_view body, simdjson::dom::parser& parser,
                    simdjson::dom::object& out) {
  simdjson::dom::element root;
  if (const auto error = parser.parse(body.data(), body.size()).get(root)) {
    return make_error(400, fmt::format("the body is not valid JSON: {}", error_message(error)), {},
                      "invalid_json");
  }
  if (root.get_object().get(out) == simdjson::SUCCESS) return {};
  return make_error(400, "the body must be a JSON object", {}, "invalid_json");
}

}  // namespace llmd::openai
