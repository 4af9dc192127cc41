// SPDX-License-Identifier: Apache-2.0
// A run as one HTML file that asks for nothing else: figures, plots and tables.
#pragma once

#include <string>

#include "bench/measure/run_result.h"
#include "bench/measure/summary.h"

namespace llmd::bench {

/// The whole page. Curves are cut down to what a plot can show while it is written, so its size
/// depends on stages and endpoints, not on requests. Text from outside goes in as JSON without `<`
/// and into the document as text; a policy in the page forbids it every request.
std::string html_page(const RunResult& run, const RunSummary& summary);

/// The figures that the page draws, as JSON.
std::string page_data(const RunResult& run, const RunSummary& summary);

}  // namespace llmd::bench
