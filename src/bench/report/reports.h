// SPDX-License-Identifier: Apache-2.0
// Every file that a run leaves behind.
#pragma once

#include <string>

#include "base/result.h"
#include "bench/measure/run_result.h"
#include "bench/measure/summary.h"

namespace llmd::bench {

/// Writes into `folder`, which is made if it is missing:
///   summary_lifecycle_metrics.json, stage_N_lifecycle_metrics.json,
///   per_request_lifecycle_metrics.json                   inference-perf's
///   benchmark_report_v0.2,_stage_N_lifecycle_metrics.json.yaml   llm-d-benchmark's, by its name
///   config.yaml                                          RunInfo::config
///   report.html                                          the page
/// Files of an earlier run with these names are replaced. The first failure ends it.
Result<void> write_reports(const std::string& folder, const RunResult& run,
                           const RunSummary& summary);

}  // namespace llmd::bench
