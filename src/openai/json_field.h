// SPDX-License-Identifier: Apache-2.0
// Reading one named field of a parsed body, with errors that name it. Included by .cc files only.
#pragma once

#include <simdjson.h>

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "openai/error.h"

namespace llmd::openai {

using Status = std::optional<ApiError>;

class JsonField {
 public:
  JsonField(std::string_view name, simdjson::dom::element value) : name_(name), value_(value) {}

  std::string_view name() const { return name_; }
  simdjson::dom::element value() const { return value_; }
  bool is_null() const { return value_.is_null(); }
  /// Null, false, 0, "", [] or {}: what a client sends that means "not used".
  bool is_neutral() const;
  /// The string, or nothing.
  std::optional<std::string_view> text() const;
  /// The number, integral or not, or nothing.
  std::optional<double> number() const;

  Status read(bool& out) const;
  Status read(std::string& out, size_t bytes_max = std::numeric_limits<size_t>::max()) const;
  Status read(double& out, double smallest, double largest) const;
  /// Accepts 5.0 for 5, as pydantic does.
  Status read(int64_t& out, int64_t smallest, int64_t largest) const;
  Status read(std::vector<uint32_t>& out, size_t count_max) const;

  /// "NAME: MESSAGE", with the field as `param`.
  ApiError invalid(std::string_view message) const;
  /// 501, naming the capability.
  ApiError unsupported() const;

 private:
  std::string_view name_;
  simdjson::dom::element value_;
};

/// Parses `body` and calls `read(JsonField)` for each field that is not null, in order (so that of
/// two of the same name the later wins); stops at the first error.
template <typename Read>
Status for_each_field(const simdjson::dom::object& object, Read read) {
  for (const auto field : object) {
    if (field.value.is_null()) continue;
    if (Status error = read(JsonField(field.key, field.value))) return error;
  }
  return {};
}

/// The body as a JSON object that lives in `parser`.
Status parse_object(std::string_view body, simdjson::dom::parser& parser,
                    simdjson::dom::object& out);

}  // namespace llmd::openai
