// SPDX-License-Identifier: Apache-2.0
// Errors as the OpenAI API shapes them: {"error": {message, type, param, code}}.
// Shape: platform.openai.com API reference, "Error codes"; what the official clients parse.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace llmd::openai {

struct ApiError {
  int status = 500;     ///< HTTP status
  std::string type;     ///< e.g. "invalid_request_error"
  std::string message;  ///< for a person
  std::string param;    ///< the offending field, or empty for null
  std::string code;     ///< machine-readable, or empty for null
};

/// The usual type and code for a status: 400 invalid_request_error, 401 authentication_error,
/// 404 not_found_error, 429 rate_limit_error, 501/503 and 5xx server errors.
ApiError make_error(int status, std::string message, std::string param = {}, std::string code = {});
ApiError to_api_error(const Error& error);

/// The JSON text, also used as the data of a final SSE error event.
std::string to_json(const ApiError& error);

}  // namespace llmd::openai
