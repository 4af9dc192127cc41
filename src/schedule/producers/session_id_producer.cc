// SPDX-License-Identifier: Apache-2.0
#include "schedule/producers/session_id_producer.h"

#include "base/text.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

constexpr std::string_view kDefaultHeader = "x-session-id";

/// The value of `name` in "a=1; b=2" (RFC 6265, 4.2.1).
std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  for (const std::string_view pair : split(cookies, ';')) {
    const std::string_view cookie = trim(pair);
    if (cookie.starts_with(name) && cookie.substr(name.size()).starts_with('=')) {
      return cookie.substr(name.size() + 1);
    }
  }
  return {};
}

}  // namespace

std::string_view SessionIdProducer::session_of(const Query& query) const {
  return cookie_.empty() ? query.header(header_) : cookie_value(query.header("cookie"), cookie_);
}

Made make_session_id_producer(resources::Fields& parameters, Registry&) {
  LLMD_ASSIGN_OR_RETURN(const std::string header, parameters.text("headerName", ""));
  LLMD_ASSIGN_OR_RETURN(std::string cookie, parameters.text("cookieName", ""));
  if (!header.empty() && !cookie.empty()) {
    return parameters.error("cookieName", "and headerName exclude each other");
  }
  return make_plugin<SessionIdProducer>(
      header.empty() ? std::string(kDefaultHeader) : to_lower_ascii(header), std::move(cookie));
}

}  // namespace llmd::schedule
