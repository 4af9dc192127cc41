// SPDX-License-Identifier: Apache-2.0
// From the record of a run to its figures: per stage, in total, per endpoint and per tenant.
// Latencies are of requests that succeeded (request_figures.h says how each is computed), rates
// divide by the time from the first sent to the last ended: both as in inference-perf's reportgen.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "bench/measure/histogram.h"
#include "bench/measure/run_result.h"

namespace llmd::bench {

constexpr size_t kOutcomes = static_cast<size_t>(Outcome::kUnfinished) + 1;

/// ok, connect, timeout, status, broken, protocol, unfinished.
const char* outcome_name(Outcome outcome);

/// Counts of a group of requests. Tokens and `good` are of requests that succeeded.
struct Tally {
  uint64_t requests = 0;
  std::array<uint64_t, kOutcomes> outcomes{};
  uint64_t prompt_tokens = 0;
  uint64_t output_tokens = 0;
  uint64_t cached_tokens = 0;
  uint64_t good = 0;         ///< attained every bound of the SLO; all that succeeded without one
  uint64_t good_tokens = 0;  ///< prompt and output tokens of those

  uint64_t ok() const { return outcomes[0]; }
  uint64_t failed() const { return requests - ok(); }
  /// Shares in [0, 1]; 0 where there is nothing to divide by. Failed and unfinished requests
  /// are misses.
  double attained() const;
  double cache_hit_ratio() const;
};

/// How many of the requests that succeeded kept each bound of the SLO.
struct BoundsKept {
  uint64_t ttft = 0;
  uint64_t tpot = 0;
  uint64_t itl = 0;
  uint64_t ntpot = 0;
  uint64_t e2e = 0;
};

/// The figures of one stage, or of all that count. Times are in ns, lengths in tokens.
struct Summary {
  Tally tally;
  BoundsKept kept;
  double seconds = 0;       ///< from the first sent to the last ended
  double send_seconds = 0;  ///< from the first sent to the last sent
  Histogram ttft;
  Histogram tpot;
  Histogram itl;
  Histogram ntpot;
  Histogram e2e;
  Histogram failed_e2e;
  Histogram prompt_length;
  Histogram output_length;
  Histogram failed_prompt_length;
  Histogram lateness;  ///< of the tool
  Histogram held;      ///< waited on purpose before it was sent

  /// Per second of `seconds`; 0 when that is 0.
  double per_second(uint64_t count) const;
  double goodput() const { return per_second(tally.good); }
};

/// Goodput of a ladder: the highest rate of a stage in which `kLadderShare` of the requests
/// attained the SLO, and on from there towards the next rate where a straight line between the two
/// shares crosses it.
struct LadderGoodput {
  double rate = 0;        ///< requests per second; 0: not even the lowest stage attained it
  bool at_least = false;  ///< the highest stage attained it too: the true one may be higher
};
constexpr double kLadderShare = 0.95;

struct RunSummary {
  std::vector<Summary> stages;          ///< as RunResult::stages, warm-up included
  Summary total;                        ///< without warm-up
  std::vector<Tally> endpoints;         ///< as RunResult::endpoints, without warm-up
  std::vector<Tally> tenants;           ///< as RunResult::tenants, without warm-up
  std::optional<LadderGoodput> ladder;  ///< with an SLO and at least two open-loop rates
  bool late = false;  ///< the p99 lateness of some stage is above what RunInfo tolerates
};

/// Pure; any thread. Every index in a record must be inside its vector.
RunSummary summarize(const RunResult& run);

}  // namespace llmd::bench
