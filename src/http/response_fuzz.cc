// SPDX-License-Identifier: Apache-2.0
// Response heads: what is accepted keeps its promises, however it was cut.
#include <string_view>

#include "base/check.h"
#include "http/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace llmd::http;
  constexpr HeadLimits kLimits{.bytes_max = 4096, .headers_max = 16};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  HeadScanner at_once;
  Fault fault;
  const size_t head_size = at_once.scan(text, kLimits, fault);
  HeadScanner by_byte;
  Fault fault_by_byte;
  size_t head_size_by_byte = 0;
  for (size_t seen = 1; seen <= size && head_size_by_byte == 0 && !fault_by_byte; ++seen) {
    head_size_by_byte = by_byte.scan(text.substr(0, seen), kLimits, fault_by_byte);
  }
  LLMD_CHECK(head_size == head_size_by_byte && fault.status == fault_by_byte.status);
  if (head_size == 0) return 0;
  for (const bool to_head : {false, true}) {
    ResponseHead head;
    Framing framing;
    if (parse_response_head(text.substr(0, head_size), kLimits, to_head, head, framing)) continue;
    LLMD_CHECK(head.status >= 100 && head.status < 600 &&
               head.headers.size() <= kLimits.headers_max);
    LLMD_CHECK(!to_head || framing.kind == Framing::Kind::kNone);
    wants_keep_alive(head.version_minor, head.headers);
  }
  return 0;
}
