// SPDX-License-Identifier: Apache-2.0
// The files that `llmd bench` leaves behind.
#pragma once

#include "base/result.h"
#include "bench/config/bench_config.h"
#include "bench/measure/run_result.h"
#include "bench/measure/summary.h"

namespace llmd::cli {

/// Writes inference-perf's result files into the configuration's storage folder.
Result<void> write_run_files(const bench::BenchConfig& config, const bench::RunResult& run,
                             const bench::RunSummary& summary);

}  // namespace llmd::cli
