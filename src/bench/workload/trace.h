// SPDX-License-Identifier: Apache-2.0
// Recorded arrivals: the Azure LLM inference traces (CSV) and the Mooncake traces (JSON lines).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace llmd::bench {

enum class TraceFormat : uint8_t { kAzure, kMooncake };

/// Tokens of prompt that one of Mooncake's hash_ids stands for.
inline constexpr uint32_t kTraceBlockTokens = 512;
inline constexpr size_t kTraceBytesMax = size_t{1} << 30U;
inline constexpr uint32_t kTraceTokensMax = 1 << 24;

struct TraceRequest {
  Duration due{};  ///< from the first request
  uint32_t input_tokens = 0;
  uint32_t output_tokens = 0;
  size_t first_block = 0;  ///< into Trace::blocks
  uint32_t block_count = 0;
};

struct Trace {
  std::vector<TraceRequest> requests;  ///< by `due`
  std::vector<uint64_t> blocks;        ///< hash_ids; empty for Azure
  size_t skipped_lines = 0;

  std::span<const uint64_t> blocks_of(const TraceRequest& request) const {
    return std::span(blocks).subspan(request.first_block, request.block_count);
  }
};

/// A broken line is an error `file:line: what`, or, if `skip_broken_lines`, left out and counted.
/// A trace without one good line is an error either way. Any thread.
Result<Trace> parse_trace(std::string_view text, TraceFormat format, const std::string& file,
                          bool skip_broken_lines);

}  // namespace llmd::bench
