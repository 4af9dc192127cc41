// SPDX-License-Identifier: Apache-2.0
#include "http/parser.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "http/characters.h"

namespace llmd::http {

namespace {

constexpr size_t kMethodBytesMax = 32;

Fault bad(std::string_view message) { return {400, message}; }

/// The next line without its CRLF; `rest` moves behind it. HeadScanner has checked the line ends.
std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  return line;
}

std::string_view trim_value(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

Fault parse_header(std::string_view line, Header& header) {
  size_t colon = 0;
  while (colon < line.size() && kTokenCharacters[static_cast<uint8_t>(line[colon])]) ++colon;
  if (colon == 0 || colon == line.size() || line[colon] != ':') {
    const bool folded = !line.empty() && (line[0] == ' ' || line[0] == '\t');
    return bad(folded ? "folded header lines are not allowed" : "invalid header name");
  }
  header.name = line.substr(0, colon);
  header.value = trim_value(line.substr(colon + 1));
  if (!is_field_value(header.value)) return bad("control character in a header value");
  return {};
}

Fault parse_headers(std::string_view rest, const HeadLimits& limits, std::vector<Header>& headers) {
  headers.clear();
  for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
    if (headers.size() == limits.headers_max) return {431, "too many headers"};
    Header& header = headers.emplace_back();
    if (const Fault fault = parse_header(line, header)) return fault;
  }
  return {};
}

/// The headers that decide where a message ends, and how often each was there.
struct FramingHeaders {
  std::string_view length;
  std::string_view coding;
  std::string_view host;
  int lengths = 0;
  int codings = 0;
  int hosts = 0;
};

FramingHeaders find_framing(std::span<const Header> headers) {
  FramingHeaders found;
  for (const Header& header : headers) {
    const size_t size = header.name.size();
    if (size == 4 && equals_ignoring_case(header.name, "host")) {
      found.host = header.value;
      ++found.hosts;
    } else if (size == 14 && equals_ignoring_case(header.name, "content-length")) {
      found.length = header.value;
      ++found.lengths;
    } else if (size == 17 && equals_ignoring_case(header.name, "transfer-encoding")) {
      found.coding = header.value;
      ++found.codings;
    }
  }
  return found;
}

/// Common to both directions: at most one of the two, once, well-formed.
Fault parse_framing(const FramingHeaders& found, int version_minor, Framing& framing) {
  framing = {};
  if (found.codings > 0) {
    if (found.lengths > 0) return bad("both Content-Length and Transfer-Encoding");
    if (found.codings > 1) return bad("repeated Transfer-Encoding");
    if (version_minor == 0) return bad("Transfer-Encoding in HTTP/1.0");
    if (!equals_ignoring_case(found.coding, "chunked")) {
      return {501, "Transfer-Encoding other than chunked"};
    }
    framing.kind = Framing::Kind::kChunked;
  } else if (found.lengths > 0) {
    const auto length = parse_uint(found.length);
    if (found.lengths > 1) return bad("repeated Content-Length");
    if (!length || *length > INT64_MAX) return bad("invalid Content-Length");
    framing = {Framing::Kind::kLength, *length};
  }
  return {};
}

Fault parse_version(std::string_view text, int& minor) {
  const bool shaped = text.size() == 8 && text.starts_with("HTTP/") && text[6] == '.' &&
                      text[5] >= '0' && text[5] <= '9' && text[7] >= '0' && text[7] <= '9';
  if (!shaped) return bad("invalid HTTP version");
  if (text[5] != '1' || text[7] > '1') return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  minor = text[7] - '0';
  return {};
}

bool is_target(std::string_view method, std::string_view target) {
  if (target == "*") return method == "OPTIONS";
  return target.starts_with('/') &&
         std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

Fault parse_request_line(std::string_view line, RequestHead& head) {
  const size_t method_end = line.find(' ');
  const size_t target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || method_end == 0 || target_end == method_end) {
    return bad("invalid request line");
  }
  head.method = line.substr(0, method_end);
  head.target = line.substr(method_end + 1, target_end - method_end - 1);
  if (!all_in(kMethodCharacters, head.method)) return bad("invalid method");
  if (const Fault fault = parse_version(line.substr(target_end + 1), head.version_minor)) {
    return fault;
  }
  if (head.method == "CONNECT") return {405, "CONNECT is not served"};
  if (!is_target(head.method, head.target)) return bad("invalid request target");
  return {};
}

Fault check_host(const FramingHeaders& found, int version_minor) {
  if (found.hosts > 1) return bad("repeated Host");
  if (found.hosts == 0) return version_minor == 0 ? Fault{} : bad("missing Host");
  if (found.host.empty() || !all_in(kHostCharacters, found.host)) return bad("invalid Host");
  return {};
}

Fault parse_status_line(std::string_view line, ResponseHead& head) {
  if (line.size() < 12 || line[8] != ' ') return bad("invalid status line");
  if (const Fault fault = parse_version(line.substr(0, 8), head.version_minor)) return fault;
  const auto status = parse_uint(line.substr(9, 3));
  const bool ended = line.size() == 12 || line[12] == ' ';
  if (!status || *status < 100 || *status > 599 || !ended || !is_field_value(line.substr(12))) {
    return bad("invalid status line");
  }
  head.status = static_cast<int>(*status);
  return {};
}

bool may_start_head(std::string_view bytes) {
  const std::string_view method =
      bytes.substr(0, std::min(bytes.find_first_of(" /"), kMethodBytesMax));
  return all_in(kMethodCharacters, method);  // '/' ends it in a response's "HTTP/1.1"
}

}  // namespace

std::optional<std::string_view> find_header(std::span<const Header> headers,
                                            std::string_view name) {
  for (const Header& header : headers) {
    if (equals_ignoring_case(header.name, name)) return header.value;
  }
  return std::nullopt;
}

size_t HeadScanner::scan(std::string_view bytes, const HeadLimits& limits, Fault& fault) {
  const std::string_view window = bytes.substr(0, limits.bytes_max);
  // What starts with no method (a TLS handshake, say) has no line end to wait for.
  if (seen_ < kMethodBytesMax && !may_start_head(window)) return fault = bad("invalid method"), 0;
  while (true) {
    const size_t end = window.find('\n', std::max(seen_, line_begin_));
    if (end == std::string_view::npos) break;
    if (end == line_begin_ || window[end - 1] != '\r') return fault = bad("bare line feed"), 0;
    const bool empty = end == line_begin_ + 1;
    if (empty && line_begin_ == 0) return fault = bad("empty request line"), 0;
    line_begin_ = seen_ = end + 1;
    if (empty) return line_begin_;
  }
  seen_ = window.size();
  if (bytes.size() >= limits.bytes_max) fault = {431, "head too large"};
  return 0;
}

Fault parse_request_head(std::string_view bytes, const HeadLimits& limits, RequestHead& head,
                         Framing& framing) {
  framing = {};
  head.method = head.target = {};
  head.headers.clear();
  std::string_view rest = bytes;
  if (const Fault fault = parse_request_line(take_line(rest), head)) return fault;
  if (const Fault fault = parse_headers(rest, limits, head.headers)) return fault;
  const FramingHeaders found = find_framing(head.headers);
  if (const Fault fault = check_host(found, head.version_minor)) return fault;
  return parse_framing(found, head.version_minor, framing);
}

Fault parse_response_head(std::string_view bytes, const HeadLimits& limits, bool to_head_request,
                          ResponseHead& head, Framing& framing) {
  framing = {};
  head.headers.clear();
  std::string_view rest = bytes;
  if (const Fault fault = parse_status_line(take_line(rest), head)) return fault;
  if (const Fault fault = parse_headers(rest, limits, head.headers)) return fault;
  const FramingHeaders found = find_framing(head.headers);
  if (const Fault fault = parse_framing(found, head.version_minor, framing)) return fault;
  if (to_head_request || head.status < 200 || head.status == 204 || head.status == 304) {
    framing = {};
  } else if (framing.kind == Framing::Kind::kNone) {
    framing.kind = Framing::Kind::kUntilClose;
  }
  return {};
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (equals_ignoring_case(trim_value(list.substr(0, comma)), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

bool wants_keep_alive(int version_minor, std::span<const Header> headers) {
  bool keep = version_minor >= 1;
  for (const Header& header : headers) {
    if (header.name.size() != 10 || !equals_ignoring_case(header.name, "connection")) continue;
    if (has_token(header.value, "close")) return false;
    keep = keep || has_token(header.value, "keep-alive");
  }
  return keep;
}

}  // namespace llmd::http
