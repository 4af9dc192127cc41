// SPDX-License-Identifier: Apache-2.0
#include "bench/report/reports.h"

#include <fmt/core.h>

#include <filesystem>

#include "base/text.h"
#include "bench/report/benchmark_report.h"
#include "bench/report/lifecycle_json.h"
#include "bench/report/page.h"

namespace llmd::bench {

Result<void> write_reports(const ReportPlace& place, const RunResult& run,
                           const RunSummary& summary) {
  const std::string start = place.folder + '/' + place.prefix;
  const std::string folder = start.substr(0, start.rfind('/'));
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) return Error{Errc::kIo, fmt::format("cannot make {}: {}", folder, code.message())};
  const auto write = [&](const std::string& name, const std::string& content) {
    return write_file_atomically(start + name, content);
  };
  LLMD_RETURN_IF_ERROR(
      write("summary_lifecycle_metrics.json", lifecycle_json(run, summary, std::nullopt)));
  for (uint32_t i = 0; i < run.stages.size(); ++i) {
    LLMD_RETURN_IF_ERROR(
        write(fmt::format("stage_{}_lifecycle_metrics.json", i), lifecycle_json(run, summary, i)));
    LLMD_RETURN_IF_ERROR(
        write(fmt::format("benchmark_report_v0.2,_stage_{}_lifecycle_metrics.json.yaml", i),
              benchmark_report(run, summary, i)));
  }
  if (run.info.keeps_token_times) {
    LLMD_RETURN_IF_ERROR(write_per_request_json(start + "per_request_lifecycle_metrics.json", run));
  }
  LLMD_RETURN_IF_ERROR(write("config.yaml", run.info.config));
  return write("report.html", html_page(run, summary));
}

}  // namespace llmd::bench
