// SPDX-License-Identifier: Apache-2.0
// Writing JSON text straight into a string that its owner reuses.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace llmd::openai {

/// Appends `text` as a JSON string, quotes included. What is not UTF-8 comes out as U+FFFD, so the
/// result is always valid JSON (RFC 8259).
void append_json_string(std::string& out, std::string_view text);

/// Appends tokens to `out` with the commas between them. Keys are trusted literals. The caller
/// keeps objects and arrays balanced. Allocates only when `out` grows.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view literal);

  JsonWriter& string(std::string_view text);
  JsonWriter& number(int64_t value);
  /// The shortest digits that read back as `value`; null for what JSON has no number for.
  JsonWriter& real(double value);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  JsonWriter& numbers(std::span<const uint32_t> values);
  /// Text that is JSON already.
  JsonWriter& raw(std::string_view json);

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& out_;
  bool comma_ = false;  ///< the next value follows another one
};

}  // namespace llmd::openai
