// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, in both formats: an error that names its place, or requests that keep every
// promise of trace.h; and skipping broken lines never finds fewer.
#include <algorithm>

#include "base/check.h"
#include "bench/workload/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace llmd::bench;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const TraceFormat format = data[0] % 2 == 0 ? TraceFormat::kAzure : TraceFormat::kMooncake;
  const auto strict = parse_trace(text, format, "fuzz", false);
  const auto lenient = parse_trace(text, format, "fuzz", true);
  if (!strict) LLMD_CHECK(strict.error().message.find("fuzz") != std::string::npos);
  if (strict) {
    LLMD_CHECK(lenient.ok() && lenient->requests.size() == strict->requests.size());
  }
  if (!lenient) return 0;
  const Trace& trace = *lenient;
  LLMD_CHECK(!trace.requests.empty());
  LLMD_CHECK(std::ranges::is_sorted(trace.requests, {}, &TraceRequest::due));
  for (const TraceRequest& request : trace.requests) {
    LLMD_CHECK(request.input_tokens <= kTraceTokensMax && request.output_tokens <= kTraceTokensMax);
    LLMD_CHECK(request.first_block + request.block_count <= trace.blocks.size());
  }
  return 0;
}
