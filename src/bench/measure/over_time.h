// SPDX-License-Identifier: Apache-2.0
// A run cut into equal stretches of time, for plots: as many points as a plot can show, however
// many requests there were.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/measure/histogram.h"
#include "bench/measure/run_result.h"

namespace llmd::bench {

/// What happened in one stretch, warm-up included.
struct TimeBin {
  double sent = 0;           ///< requests
  double ended_ok = 0;       ///< requests
  double failed = 0;         ///< requests, at their end
  double output_tokens = 0;  ///< spread evenly between a request's first and last token
  double waiting = 0;        ///< requests without a first token yet, on average
  double answering = 0;      ///< requests with a first token and not yet the last, on average
  Histogram ttft;            ///< in ns, of requests sent in it
};

struct OverTime {
  Duration bin{};  ///< bin i is the run's time [i * bin, (i + 1) * bin)
  std::vector<TimeBin> bins;
};
/// At most `bins_max` (> 0) bins, none shorter than a millisecond. Pure; any thread.
OverTime over_time(const RunResult& run, size_t bins_max);

/// One endpoint's stretch, from its samples; where a stretch has none, the one before counts on.
struct EndpointBin {
  double running = 0;
  double waiting = 0;
  double kv_usage = 0;
  double hit_ratio = -1;  ///< of the prompt tokens looked up in it; -1: none were
};
/// Row i belongs to RunResult::endpoints[i]; it is empty where the endpoint has no samples.
std::vector<std::vector<EndpointBin>> endpoints_over_time(const RunResult& run,
                                                          const OverTime& grid);

}  // namespace llmd::bench
