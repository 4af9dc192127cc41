// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 message heads as views into the buffer they were read into.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace llmd::http {

struct Header {
  std::string_view name;
  std::string_view value;
};

/// The first header of that name, compared without case.
std::optional<std::string_view> find_header(std::span<const Header> headers, std::string_view name);

/// Views stay valid as long as the buffer that was parsed.
struct RequestHead {
  std::string_view method;
  std::string_view target;  ///< as sent: path and query
  int version_minor = 1;    ///< HTTP/1.0 or HTTP/1.1
  std::vector<Header> headers;

  std::string_view path() const { return target.substr(0, target.find('?')); }
  std::optional<std::string_view> header(std::string_view name) const {
    return find_header(headers, name);
  }
};

struct ResponseHead {
  int status = 0;
  int version_minor = 1;
  std::vector<Header> headers;

  std::optional<std::string_view> header(std::string_view name) const {
    return find_header(headers, name);
  }
};

}  // namespace llmd::http
