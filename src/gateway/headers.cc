// SPDX-License-Identifier: Apache-2.0
#include "gateway/headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "base/text.h"
#include "http/head_writer.h"

namespace llmd::gateway {

namespace {

/// About one connection only (RFC 9110 §7.6.1), or written by the gateway itself.
constexpr std::string_view kOwn[] = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "te",
    "trailer",
    "trailers",
    "upgrade",
    "proxy-authenticate",
    "proxy-authorization",
    "http2-settings",
    "content-length",
    kRequestIdHeader,
};
/// Steer gateways, sidecars and engines, as do all names with kReservedPrefix.
constexpr std::string_view kControl[] = {
    "epp-profile",           "test-epp-endpoint-selection", "x-prefiller-host-port",
    "x-encoder-hosts-ports", "x-kv-cache-source-host-port", "x-data-parallel-host-port",
    "x-data-parallel-rank",  "x-llm-d-model-name-rewrite",  "x-gateway-model-name-rewrite",
};
/// Only towards the engine, beside these.
constexpr std::string_view kRequestOnly[] = {"host", "expect"};
constexpr std::string_view kReservedPrefix = "x-gateway-destination-endpoint";
constexpr size_t kNameBytesMax = 63;  // so that lengths fit a mask

template <size_t N>
constexpr uint64_t length_mask(const std::string_view (&names)[N]) {
  uint64_t mask = 0;
  for (const std::string_view name : names) mask |= uint64_t{1} << name.size();
  return mask;
}

/// Lower case, '_' as '-'.
char fold(char c) {
  if (c == '_') return '-';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool equals_folded(std::string_view name, std::string_view folded) {
  return std::ranges::equal(name, folded, {}, fold);
}

/// Most names end at the mask: no listed name is as long.
template <size_t N>
bool is_listed(std::string_view name, const std::string_view (&names)[N], uint64_t lengths) {
  if (name.size() > kNameBytesMax || ((lengths >> name.size()) & 1) == 0) return false;
  return std::ranges::any_of(names, [&](std::string_view listed) {
    return listed.size() == name.size() && equals_folded(name, listed);
  });
}

bool is_own(std::string_view name) {
  static constexpr uint64_t kLengths = length_mask(kOwn);
  return is_listed(name, kOwn, kLengths);
}

/// What Connection names besides keep-alive and close is about this connection too.
class NamedByConnection {
 public:
  explicit NamedByConnection(std::span<const http::Header> headers) {
    const auto value = http::find_header(headers, "connection");
    if (!value || equals_ignoring_case(*value, "keep-alive") ||
        equals_ignoring_case(*value, "close")) {
      return;
    }
    headers_ = headers;
  }
  bool has(std::string_view name) const {
    return std::ranges::any_of(headers_, [&](const http::Header& header) {
      return equals_ignoring_case(header.name, "connection") && http::has_token(header.value, name);
    });
  }

 private:
  std::span<const http::Header> headers_;
};

}  // namespace

bool is_control(std::string_view name) {
  static constexpr uint64_t kLengths = length_mask(kControl);
  if (is_listed(name, kControl, kLengths)) return true;
  return name.size() >= kReservedPrefix.size() &&
         equals_folded(name.substr(0, kReservedPrefix.size()), kReservedPrefix);
}

bool passes_to_engine(std::string_view name) {
  static constexpr uint64_t kLengths = length_mask(kRequestOnly);
  return !is_own(name) && !is_listed(name, kRequestOnly, kLengths) && !is_control(name);
}

std::span<const http::Header> without_control(std::span<const http::Header> headers,
                                              std::vector<http::Header>& scratch) {
  const auto steers = [](const http::Header& header) { return is_control(header.name); };
  if (std::ranges::none_of(headers, steers)) return headers;
  scratch.clear();
  std::ranges::remove_copy_if(headers, std::back_inserter(scratch), steers);
  return scratch;
}

bool passes_to_client(std::string_view name) { return !is_own(name); }

void append_request_head(std::string& to, const http::RequestHead& head, size_t body_size,
                         std::string_view request_id) {
  const NamedByConnection named(head.headers);
  to.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  for (const http::Header& header : head.headers) {
    if (passes_to_engine(header.name) && !named.has(header.name)) {
      http::append_header(to, header.name, header.value);
    }
  }
  http::append_header(to, kRequestIdHeader, request_id);
  fmt::format_to(std::back_inserter(to), "Content-Length: {}\r\n", body_size);
}

void append_response_head(std::string& to, const http::ResponseHead& head,
                          const ResponseFraming& framing, bool keep_alive, int client_minor,
                          std::string_view request_id, std::string_view added) {
  const NamedByConnection named(head.headers);
  http::append_status_line(to, head.status);
  for (const http::Header& header : head.headers) {
    if (passes_to_client(header.name) && !named.has(header.name)) {
      http::append_header(to, header.name, header.value);
    }
  }
  http::append_header(to, kRequestIdHeader, request_id);
  to.append(added);
  if (framing.kind == BodyFraming::kLength) {
    fmt::format_to(std::back_inserter(to), "Content-Length: {}\r\n", framing.length);
  } else if (framing.kind == BodyFraming::kChunked) {
    to.append("Transfer-Encoding: chunked\r\n");
  }
  if (!keep_alive) {
    to.append("Connection: close\r\n");
  } else if (client_minor == 0) {
    to.append("Connection: keep-alive\r\n");
  }
  to.append("\r\n");
}

}  // namespace llmd::gateway
