// SPDX-License-Identifier: Apache-2.0
#include "openai/error.h"

#include "openai/json_writer.h"

namespace llmd::openai {
namespace {

std::string_view default_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 501:
      return "not_implemented_error";
    case 503:
      return "service_unavailable_error";
    default:
      return status >= 500 ? "internal_server_error" : "invalid_request_error";
  }
}

std::string_view default_code(int status) {
  switch (status) {
    case 401:
      return "invalid_api_key";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_exceeded";
    case 501:
      return "not_implemented";
    case 503:
      return "service_unavailable";
    default:
      return {};
  }
}

int status_of(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument:
      return 400;
    case Errc::kNotFound:
      return 404;
    case Errc::kTooLarge:
      return 413;
    case Errc::kResourceExhausted:
      return 429;
    case Errc::kUnavailable:
      return 503;
    case Errc::kTimeout:
      return 504;
    case Errc::kUnimplemented:
      return 501;
    case Errc::kIo:
    case Errc::kInternal:
      break;
  }
  return 500;
}

void write_or_null(JsonWriter& json, std::string_view text) {
  if (text.empty()) {
    json.null();
  } else {
    json.string(text);
  }
}

}  // namespace

ApiError make_error(int status, std::string message, std::string param, std::string code) {
  if (code.empty()) code = default_code(status);
  return {status, std::string(default_type(status)), std::move(message), std::move(param),
          std::move(code)};
}

ApiError to_api_error(const Error& error) {
  return make_error(status_of(error.code), error.message);
}

std::string to_json(const ApiError& error) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("error").begin_object();
  json.key("message").string(error.message);
  json.key("type").string(error.type);
  write_or_null(json.key("param"), error.param);
  write_or_null(json.key("code"), error.code);
  json.end_object().end_object();
  return out;
}

}  // namespace llmd::openai
