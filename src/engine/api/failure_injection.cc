// SPDX-License-Identifier: Apache-2.0
#include "engine/api/failure_injection.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace llmd::engine {
namespace {

using openai::ApiError;
using openai::make_error;

constexpr std::array<std::string_view, 6> kTypes = {"rate_limit",      "invalid_api_key",
                                                    "context_length",  "server_error",
                                                    "invalid_request", "model_not_found"};

ApiError injected(std::string_view type) {
  if (type == "rate_limit") return make_error(429, "Rate limit reached (injected failure)");
  if (type == "invalid_api_key") return make_error(401, "Incorrect API key (injected failure)");
  if (type == "context_length") {
    return make_error(400, "This model's maximum context length is exceeded (injected failure)",
                      "messages", "context_length_exceeded");
  }
  if (type == "invalid_request") return make_error(400, "Invalid request (injected failure)");
  if (type == "model_not_found") {
    return make_error(404, "The model does not exist (injected failure)", "model",
                      "model_not_found");
  }
  return make_error(503, "The server is overloaded or not ready yet (injected failure)", {},
                    "server_error");
}

std::optional<ApiError> asked_for(const http::RequestHead& head) {
  constexpr std::string_view kHeader = "X-Return-Error";
  const auto value = head.header(kHeader);
  if (!value) return std::nullopt;
  const auto status = parse_uint(*value);
  if (!status || *status < 400 || *status > 599) {
    return make_error(400, "the header X-Return-Error must be a status from 400 to 599");
  }
  return make_error(static_cast<int>(*status), "as the header X-Return-Error asks");
}

}  // namespace

std::span<const std::string_view> failure_types() { return kTypes; }

FailureInjection::FailureInjection(FailureOptions options, uint64_t seed)
    : options_(std::move(options)), random_(seed) {
  if (options_.types.empty()) options_.types.assign(kTypes.begin(), kTypes.end());
}

std::optional<ApiError> FailureInjection::next(const http::RequestHead& head) {
  if (auto error = asked_for(head)) return error;
  if (random_.below(100) >= options_.rate_percent) return std::nullopt;
  return injected(options_.types[random_.below(options_.types.size())]);
}

}  // namespace llmd::engine
