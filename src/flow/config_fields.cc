// SPDX-License-Identifier: Apache-2.0
#include "flow/config_fields.h"

#include "resources/duration.h"
#include "resources/quantity.h"

namespace llmd::flow {

Result<Duration> read_duration(resources::Fields& fields, std::string_view key, Duration fallback) {
  LLMD_ASSIGN_OR_RETURN(const std::string text, fields.text(key, ""));
  if (text.empty()) return fallback;
  const auto value = resources::parse_duration(text);
  if (!value) return fields.error(key, value.error().message);
  return *value;
}

Result<uint64_t> read_quantity(resources::Fields& fields, std::string_view key, uint64_t if_zero) {
  LLMD_ASSIGN_OR_RETURN(const std::string text, fields.text(key, "0"));
  const auto value = resources::parse_quantity(text);
  if (!value) return fields.error(key, value.error().message);
  return *value == 0 ? if_zero : *value;
}

Result<int32_t> read_priority(resources::Fields& fields, std::string_view key) {
  LLMD_RETURN_IF_ERROR(fields.require(key));
  return fields.integer(key, 0);
}

}  // namespace llmd::flow
