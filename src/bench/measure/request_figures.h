// SPDX-License-Identifier: Apache-2.0
// The figures of one request, by the formulas of inference-perf (its docs/metrics.md and
// reportgen): what a summary collects and what an SLO is held against. All in ns; pure; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "bench/measure/run_result.h"

namespace llmd::bench {

/// First token - sent. Absent where the answer was not streamed.
std::optional<int64_t> ttft_ns(const RequestRecord& record);
/// (Last token - first token) / (output tokens - 1). Absent with fewer than two tokens.
std::optional<int64_t> tpot_ns(const RequestRecord& record);
/// (Ended - sent) / output tokens. Absent without tokens.
std::optional<int64_t> ntpot_ns(const RequestRecord& record);
/// Ended - sent.
int64_t e2e_ns(const RequestRecord& record);
/// How long after it could have been sent the tool sent it.
int64_t lateness_ns(const RequestRecord& record);
/// False for a request that the run ended before sending.
bool was_sent(const RequestRecord& record);

/// Which bounds of an SLO a request that succeeded kept. A bound that is not set is kept, and so is
/// one on what the request does not have (TPOT of one token); but TTFT without streaming is e2e:
/// that is when the first token was there to read. A request's ITL is its mean gap, which is TPOT.
struct SloCheck {
  SloCheck(const RequestRecord& record, const Slo& slo);
  bool all() const { return ttft && tpot && itl && ntpot && e2e; }

  bool ttft;
  bool tpot;
  bool itl;
  bool ntpot;
  bool e2e;
};

}  // namespace llmd::bench
