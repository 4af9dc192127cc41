// SPDX-License-Identifier: Apache-2.0
#include "tokenize/json_field.h"

#include <fmt/core.h>

namespace llmd::tokenize {
namespace {

constexpr int kSequenceDepthMax = 16;
constexpr size_t kSequenceStepsMax = 256;

Error wrong_field(std::string_view where, std::string_view key, std::string_view expected) {
  return invalid_argument(
      fmt::format("tokenizer.json: {}: \"{}\" must be {}", where, key, expected));
}

Result<void> flatten_into(Json step, std::string_view steps_key, std::string_view what, int depth,
                          std::vector<Json>& out) {
  LLMD_ASSIGN_OR_RETURN(const std::string_view type, text_field(step, "type", what));
  if (type != "Sequence") {
    out.push_back(step);
    return {};
  }
  if (depth == kSequenceDepthMax || out.size() > kSequenceStepsMax) {
    return Error{Errc::kTooLarge, fmt::format("tokenizer.json: {}: sequences too deep", what)};
  }
  LLMD_ASSIGN_OR_RETURN(const auto steps, array_field(step, steps_key, what));
  for (Json inner : steps) {
    LLMD_RETURN_IF_ERROR(flatten_into(inner, steps_key, what, depth + 1, out));
  }
  return {};
}

}  // namespace

std::optional<Json> field(Json object, std::string_view key) {
  Json value;
  if (!object.is_object() || object[key].get(value) != simdjson::SUCCESS || value.is_null()) {
    return std::nullopt;
  }
  return value;
}

Result<std::string_view> text_field(Json object, std::string_view key, std::string_view where) {
  const auto value = field(object, key);
  std::string_view text;
  if (!value || value->get(text) != simdjson::SUCCESS) return wrong_field(where, key, "a string");
  return text;
}

Result<bool> bool_field(Json object, std::string_view key, bool fallback, std::string_view where) {
  const auto value = field(object, key);
  if (!value) return fallback;
  bool flag = false;
  if (value->get(flag) != simdjson::SUCCESS) return wrong_field(where, key, "true or false");
  return flag;
}

Result<uint64_t> uint_field(Json object, std::string_view key, std::string_view where) {
  const auto value = field(object, key);
  uint64_t number = 0;
  if (!value || value->get(number) != simdjson::SUCCESS) {
    return wrong_field(where, key, "a number that is not negative");
  }
  return number;
}

Result<simdjson::dom::array> array_field(Json object, std::string_view key,
                                         std::string_view where) {
  const auto value = field(object, key);
  simdjson::dom::array array;
  if (!value || value->get(array) != simdjson::SUCCESS) return wrong_field(where, key, "an array");
  return array;
}

Result<std::vector<Json>> flatten_sequence(std::optional<Json> step, std::string_view steps_key,
                                           std::string_view what) {
  std::vector<Json> steps;
  if (step) LLMD_RETURN_IF_ERROR(flatten_into(*step, steps_key, what, 0, steps));
  return steps;
}

Error unknown_type(std::string_view what, std::string_view type) {
  return {Errc::kUnimplemented,
          fmt::format("tokenizer.json: {} of type {} is not supported", what, type)};
}

}  // namespace llmd::tokenize
