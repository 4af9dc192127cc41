// SPDX-License-Identifier: Apache-2.0
// Differential: the scan accepts what nlohmann-json accepts, and finds the same values.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/check.h"
#include "openai/request_scan.h"

namespace {

using llmd::openai::RequestScan;
using llmd::openai::Span;
using nlohmann::json;

constexpr int kOutOfRange = 406;  // nlohmann refuses 1e999, which the grammar allows

/// The reference's reading; discarded when it refuses. `out_of_range` when only for a number's
/// size.
json reference(std::string_view body, bool& out_of_range) {
  try {
    return json::parse(body);
  } catch (const json::exception& error) {
    out_of_range = error.id == kOutOfRange;
    return json(json::value_t::discarded);
  }
}

/// Differences that are meant: the scan is stricter here.
bool is_stricter_on_purpose(std::string_view body, const std::string& reason) {
  if (body.starts_with("\xef\xbb\xbf") || body.find('\0') != std::string_view::npos) return true;
  for (const char* rule : {"nested too deeply", "occurs twice", "model must be a string"}) {
    if (reason.find(rule) != std::string::npos) return true;
  }
  return false;
}

void check_span(const json& root, const char* key, Span span, std::string_view body) {
  const bool present = root.contains(key) && !root[key].is_null();
  LLMD_CHECK(span.present() == present);
  if (present) LLMD_CHECK(json::parse(span.of(body)) == root[key]);
}

void check_fields(const json& root, const RequestScan& scan, std::string_view body) {
  check_span(root, "model", scan.model, body);
  check_span(root, "messages", scan.messages, body);
  check_span(root, "tools", scan.tools, body);
  check_span(root, "cache_salt", scan.cache_salt, body);
  check_span(root, "kv_transfer_params", scan.kv_transfer_params, body);
  check_span(root, "stream_options", scan.stream_options, body);
  if (scan.model.present()) LLMD_CHECK(root["model"] == scan.model_name);
  LLMD_CHECK(scan.stream == (root.value("stream", json()) == json(true)));
  const json options = root.value("stream_options", json());
  LLMD_CHECK(scan.include_usage ==
             (options.is_object() && options.value("include_usage", json()) == json(true)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto scan = llmd::openai::scan_request(body);
  bool out_of_range = false;
  const json root = reference(body, out_of_range);
  if (out_of_range) return 0;
  if (scan) {
    LLMD_CHECK(root.is_object());
    check_fields(root, *scan, body);
  } else {
    LLMD_CHECK(!root.is_object() || is_stricter_on_purpose(body, scan.error().message));
  }
  return 0;
}
