// SPDX-License-Identifier: Apache-2.0
// A run's figures for a terminal of 100 columns.
#pragma once

#include <string>
#include <vector>

#include "bench/measure/compare.h"
#include "bench/measure/run_result.h"
#include "bench/measure/summary.h"

namespace llmd::bench {

/// What a reader must know before believing a figure: that the run is partial, that the tool was
/// late, that engines or time were simulated. Sentences, without an order of importance.
std::vector<std::string> caveats(const RunInfo& info, const RunSummary& summary);

/// "TTFT ≤ 2.00 s, TPOT ≤ 100 ms"; empty without an SLO.
std::string slo_words(const Slo& slo);

/// Head, a row per stage, latencies in total, goodput, errors, caveats.
std::string run_table(const RunResult& run, const RunSummary& summary);

/// A row per metric and target: the mean over the repeats with its interval, the ratio to the first
/// target with its interval, and what may be said about it.
std::string comparison_table(const Comparison& comparison);

}  // namespace llmd::bench
