// SPDX-License-Identifier: Apache-2.0
// Requests, head and body: read in one piece and split at every place the input itself chooses, the
// verdict, the head and the body must be the same.
#include <algorithm>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/parser.h"

namespace {

using llmd::http::ChunkedDecoder;
using llmd::http::Fault;
using llmd::http::Framing;
using llmd::http::HeadLimits;
using llmd::http::HeadScanner;
using llmd::http::RequestHead;

constexpr HeadLimits kLimits{.bytes_max = 4096, .headers_max = 16};

struct Outcome {
  size_t head_size = 0;
  int fault = 0;
  std::string body;
  size_t consumed = 0;
  bool done = false;
  bool operator==(const Outcome&) const = default;
};

void read_body(std::string text, size_t step, Outcome& out) {
  ChunkedDecoder decoder;
  for (size_t at = 0; at < text.size() && !decoder.done() && out.fault == 0;) {
    const size_t size = std::min(step, text.size() - at);
    const auto result = decoder.decode(text.data() + at, size);
    LLMD_CHECK(result.consumed <= size && result.payload.size() <= result.consumed);
    out.body.append(result.payload);
    out.fault = result.fault.status;
    at += result.consumed;
    out.consumed = at;
  }
  out.done = decoder.done();
}

void check_head(std::string_view text, const RequestHead& head, const Framing& framing) {
  const auto inside = [&](std::string_view view) {
    return view.empty() ||
           (view.data() >= text.data() && view.data() + view.size() <= text.data() + text.size());
  };
  LLMD_CHECK(inside(head.method) && inside(head.target) &&
             head.headers.size() <= kLimits.headers_max);
  for (const auto& header : head.headers) {
    LLMD_CHECK(inside(header.name) && inside(header.value) && !header.name.empty());
    LLMD_CHECK(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  }
  LLMD_CHECK(framing.kind != Framing::Kind::kUntilClose);
}

Outcome read(std::string_view text, size_t step) {
  Outcome out;
  HeadScanner scanner;
  Fault fault;
  for (size_t seen = 0; seen < text.size() && out.head_size == 0 && !fault;) {
    seen = std::min(text.size(), seen + step);
    out.head_size = scanner.scan(text.substr(0, seen), kLimits, fault);
  }
  out.fault = fault.status;
  if (out.head_size == 0 || fault) return out;
  RequestHead head;
  Framing framing;
  fault = parse_request_head(text.substr(0, out.head_size), kLimits, head, framing);
  out.fault = fault.status;
  if (fault) return out;
  check_head(text, head, framing);
  if (framing.kind == Framing::Kind::kChunked) {
    read_body(std::string(text.substr(out.head_size)), step, out);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = read(text, std::max<size_t>(text.size(), 1));
  LLMD_CHECK(read(text, 1) == whole);
  LLMD_CHECK(read(text, 1 + data[0]) == whole);
  return 0;
}
