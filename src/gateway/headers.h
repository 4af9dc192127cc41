// SPDX-License-Identifier: Apache-2.0
// Which headers cross the gateway, and the heads that it sends.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/parser.h"

namespace llmd::gateway {

inline constexpr std::string_view kRequestIdHeader = "x-request-id";

/// Whether a header steers gateway, sidecar or engine, which a client must not. '_' counts as '-',
/// because some servers take one for the other.
bool is_control(std::string_view name);
/// `headers` without those that steer; a copy in `scratch` only if there are any.
std::span<const http::Header> without_control(std::span<const http::Header> headers,
                                              std::vector<http::Header>& scratch);
/// Whether a client's header goes on to the engine. Not those that concern one connection only
/// (RFC 9110 §7.6.1), not those the gateway writes itself, and not control headers.
bool passes_to_engine(std::string_view name);
/// Whether an engine's header goes on to the client.
bool passes_to_client(std::string_view name);

/// Appends the request line and the headers that pass, without Host and the empty line.
void append_request_head(std::string& to, const http::RequestHead& head, size_t body_size,
                         std::string_view request_id);

/// How a response body is framed towards the client.
enum class BodyFraming : uint8_t { kNone, kLength, kChunked, kUntilClose };
struct ResponseFraming {
  BodyFraming kind;
  uint64_t length = 0;
};
/// Appends the whole head, empty line included; `added` are header lines of the gateway's own.
void append_response_head(std::string& to, const http::ResponseHead& head,
                          const ResponseFraming& framing, bool keep_alive, int client_minor,
                          std::string_view request_id, std::string_view added = {});

}  // namespace llmd::gateway
