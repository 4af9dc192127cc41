// SPDX-License-Identifier: Apache-2.0
// The server under test, and short questions to it before a run.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "endpoints/poller.h"
#include "net/socket.h"

namespace llmd::bench {

struct Target {
  net::Address address;
  std::string host;  ///< for the Host header
  std::string path;  ///< what comes before /v1, without a slash at its end
  std::string url;   ///< as given
};

/// http://HOST[:PORT][/PATH]; the name is resolved now, which may block.
Result<Target> parse_target(const std::string& url);

/// A whole head. `headers` are complete lines.
std::string request_head(std::string_view method, const Target& target, std::string_view path,
                         std::string_view headers, size_t body_bytes);

/// Sends one request and waits for the whole answer, at most half a minute. Blocks; for start-up.
Result<endpoints::Reply> ask(const Target& target, std::string_view method, std::string_view path,
                             std::string_view headers, std::string_view body);

}  // namespace llmd::bench
