// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_reports.h"

#include <fmt/core.h>

#include <filesystem>

#include "base/text.h"
#include "bench/report/lifecycle_json.h"

namespace llmd::cli {

Result<void> write_run_files(const bench::BenchConfig& config, const bench::RunResult& run,
                             const bench::RunSummary& summary) {
  std::error_code failure;
  std::filesystem::create_directories(config.storage_path, failure);
  if (failure) {
    return Error{Errc::kIo,
                 fmt::format("cannot make {}: {}", config.storage_path, failure.message())};
  }
  const auto path = [&](std::string_view name) {
    return fmt::format("{}/{}{}", config.storage_path, config.file_prefix, name);
  };
  LLMD_RETURN_IF_ERROR(write_file_atomically(path("summary_lifecycle_metrics.json"),
                                             bench::lifecycle_json(run, summary, std::nullopt)));
  for (uint32_t stage = 0; stage < run.stages.size(); ++stage) {
    LLMD_RETURN_IF_ERROR(
        write_file_atomically(path(fmt::format("stage_{}_lifecycle_metrics.json", stage)),
                              bench::lifecycle_json(run, summary, stage)));
  }
  LLMD_RETURN_IF_ERROR(write_file_atomically(path("config.yaml"), run.info.config));
  if (!config.report.per_request) return {};
  return bench::write_per_request_json(path("per_request_lifecycle_metrics.json"), run);
}

}  // namespace llmd::cli
