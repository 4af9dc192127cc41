// SPDX-License-Identifier: Apache-2.0
// inference-perf's result files (its docs/reports.md, docs/goodput.md and reportgen): the same
// names, units (seconds) and definitions, so that its readers read ours. What they have no name for
// stands under one more key, "llmd".
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "bench/measure/run_result.h"
#include "bench/measure/summary.h"

namespace llmd::bench {

/// The content of summary_lifecycle_metrics.json, or of stage_N_lifecycle_metrics.json.
std::string lifecycle_json(const RunResult& run, const RunSummary& summary,
                           std::optional<uint32_t> stage);

/// Writes per_request_lifecycle_metrics.json: an entry per request that is no warm-up, in order.
/// start_time and end_time count from the run's begin. Texts of prompts and answers are not kept.
Result<void> write_per_request_json(const std::string& path, const RunResult& run);

}  // namespace llmd::bench
