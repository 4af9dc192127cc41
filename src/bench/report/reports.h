// SPDX-License-Identifier: Apache-2.0
// Every file that a run leaves behind.
#pragma once

#include <string>

#include "base/result.h"
#include "bench/measure/run_result.h"
#include "bench/measure/summary.h"

namespace llmd::bench {

/// Where files of a run go: FOLDER/PREFIXname, as inference-perf's local_storage puts them. Folders
/// that are missing are made, those inside the prefix too.
struct ReportPlace {
  std::string folder;
  std::string prefix{};
};

/// Writes at `place`:
///   summary_lifecycle_metrics.json, stage_N_lifecycle_metrics.json,
///   per_request_lifecycle_metrics.json                   inference-perf's; the last one only if
///                                                        the times of all tokens were kept
///   benchmark_report_v0.2,_stage_N_lifecycle_metrics.json.yaml   llm-d-benchmark's, by its name
///   config.yaml                                          RunInfo::config
///   report.html                                          the page
/// Files of an earlier run with these names are replaced. The first failure ends it.
Result<void> write_reports(const ReportPlace& place, const RunResult& run,
                           const RunSummary& summary);

}  // namespace llmd::bench
