// SPDX-License-Identifier: Apache-2.0
// The best placement that could be found by somebody who knows every request beforehand: what
// policies are held against. No proof that none is better; the bound beside it is one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "bench/in_virtual_time/shadow_engine.h"
#include "bench/load/stage.h"
#include "bench/workload/workload.h"

namespace llmd::bench {

struct SearchOptions {
  std::vector<ShadowLimits> limits;  ///< of each engine
  Slo slo;
  uint64_t seed = 0;
  /// Placements that the search may begin from, as BestFound::places.
  std::vector<std::vector<uint32_t>> starts;
  uint32_t moves = 400;  ///< of the local search, in each stage
};

struct BestFound {
  std::vector<uint32_t> places;  ///< an engine for each request number
  /// Requests per second that no placement sustains (short stages may arrive faster) within the
  /// SLO's TPOT, for the workload's mean request: what each engine can do when every prefix is
  /// computed once in the whole run and every step carries as many sequences as the TPOT allows.
  double rate_bound = 0;
};

/// Greedy (each request where it delays itself and the others least, by look-ahead through the
/// shadow engine), prefix groups packed by size, and the starts given; then from the best of them,
/// moves of a request or of a group that are kept when they help. Refuses workloads whose requests
/// depend on answers.
Result<BestFound> find_best(Workload& workload, const LoadOptions& load,
                            const SearchOptions& options);

}  // namespace llmd::bench
