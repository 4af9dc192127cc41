// SPDX-License-Identifier: Apache-2.0
// llm-d-benchmark's report, schema 0.2.1 (its llmd_benchmark_report/br_v0_2_1_json_schema.json).
#pragma once

#include <string>

#include "bench/measure/run_result.h"
#include "bench/measure/summary.h"

namespace llmd::bench {

/// The report of one stage, as YAML. Upstream has one report per stage; run.eid ties them together.
std::string benchmark_report(const RunResult& run, const RunSummary& summary, uint32_t stage);

}  // namespace llmd::bench
