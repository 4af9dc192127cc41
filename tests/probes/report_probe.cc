// SPDX-License-Identifier: Apache-2.0
// Writes every report of a seeded synthetic run, for the tests that read or look at reports.
//   report_probe run FOLDER [REQUESTS]   the files of a run, and its table on stdout
//   report_probe compare                 the comparison table of two targets
#include <fmt/core.h>

#include <cstdlib>

#include "bench/measure/synthetic_run.h"
#include "bench/report/reports.h"
#include "bench/report/run_table.h"

namespace llmd::bench {
namespace {

int write_run(const std::string& folder, double requests) {
  SyntheticPlan plan;
  double per_second = 0;
  for (const double rate : plan.rates) per_second += rate;
  plan.stage_s = requests / per_second;
  const RunResult run = SyntheticRun(plan).make();
  const RunSummary summary = summarize(run);
  fmt::print("{}", run_table(run, summary));
  const auto written = write_reports({folder}, run, summary);
  if (!written) fmt::print(stderr, "{}\n", written.error().message);
  return written ? 0 : 1;
}

int compare_targets() {
  std::vector<TargetRuns> targets{{"four endpoints", {}}, {"three endpoints", {}}};
  for (uint64_t seed = 0; seed < 5; ++seed) {
    for (size_t i = 0; i < targets.size(); ++i) {
      targets[i].repeats.push_back(
          summarize(SyntheticRun({.endpoints = 4 - i, .seed = seed}).make()));
    }
  }
  fmt::print("{}", comparison_table(compare(targets)));
  return 0;
}

int run(std::vector<std::string> args) {
  if (args.size() >= 2 && args[0] == "run") {
    return write_run(args[1], args.size() > 2 ? std::atof(args[2].c_str()) : 1500);
  }
  if (args.size() == 1 && args[0] == "compare") return compare_targets();
  fmt::print(stderr, "report_probe run FOLDER [REQUESTS] | compare\n");
  return 2;
}

}  // namespace
}  // namespace llmd::bench

int main(int argc, char** argv) { return llmd::bench::run({argv + 1, argv + argc}); }
