// SPDX-License-Identifier: Apache-2.0
#include "bench/report/reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "bench/measure/synthetic_run.h"
#include "bench/report/benchmark_report.h"
#include "bench/report/page.h"

namespace llmd::bench {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr char kEvil[] = "</script><b>\"'\\\n\x01\xff\x7f: {- ";

RunResult hostile_run() {
  RunResult run = SyntheticRun({.rates = {5, 9}, .stage_s = 10, .error_share = 0.3}).make();
  run.info.target = run.info.model = run.info.workload = run.info.config = kEvil;
  run.endpoints[1] = run.tenants[1] = kEvil;
  for (RequestRecord& record : run.requests) record.error = kEvil;
  return run;
}

YAML::Node report_of(const RunResult& run, uint32_t stage) {
  return YAML::Load(benchmark_report(run, summarize(run), stage));
}

TEST(BenchmarkReport, HasTheSchemasFields) {
  const RunResult run = SyntheticRun({}).make();
  const YAML::Node report = report_of(run, 1);
  EXPECT_EQ(report["version"].as<std::string>(), "0.2.1");
  EXPECT_EQ(report["run"]["eid"].as<std::string>(),
            report_of(run, 0)["run"]["eid"].as<std::string>());
  EXPECT_NE(report["run"]["uid"].as<std::string>(),
            report_of(run, 0)["run"]["uid"].as<std::string>());
  const YAML::Node load = report["scenario"]["load"];
  EXPECT_EQ(load["standardized"]["rate_qps"].as<double>(), 8);
  EXPECT_EQ(load["standardized"]["stage"].as<int>(), 1);
  EXPECT_EQ(load["native"]["config"]["api"]["type"].as<std::string>(), "chat");
  const YAML::Node aggregate = report["results"]["request_performance"]["aggregate"];
  EXPECT_EQ(aggregate["latency"]["time_to_first_token"]["units"].as<std::string>(), "s");
  EXPECT_GT(aggregate["latency"]["time_per_output_token"]["p99p9"].as<double>(), 0.01);
  EXPECT_EQ(aggregate["throughput"]["request_rate"]["units"].as<std::string>(), "queries/s");
  EXPECT_EQ(report["results"]["observability"]["components"].size(), 4U);
}

TEST(BenchmarkReport, AgreesWithTheSummary) {
  const RunResult run = SyntheticRun({.error_share = 0.1}).make();
  const RunSummary summary = summarize(run);
  for (uint32_t i = 0; i < run.stages.size(); ++i) {
    const YAML::Node aggregate = report_of(run, i)["results"]["request_performance"]["aggregate"];
    EXPECT_EQ(aggregate["requests"]["total"].as<uint64_t>(), summary.stages[i].tally.requests);
    EXPECT_EQ(aggregate["requests"]["failures"].as<uint64_t>(), summary.stages[i].tally.failed());
    EXPECT_NEAR(aggregate["latency"]["request_latency"]["mean"].as<double>(),
                summary.stages[i].e2e.mean() / 1e9, 1e-8);
  }
}

TEST(BenchmarkReport, TextFromOutsideStaysText) {
  const YAML::Node report = report_of(hostile_run(), 0);
  EXPECT_THAT(report["run"]["description"].as<std::string>(), HasSubstr("</script><b>\"'\\\n"));
  EXPECT_TRUE(report["scenario"]["load"]["native"]["config"].IsScalar());
}

TEST(Page, EmbedsItsFiguresAsJsonThatNothingCanLeave) {
  const RunResult run = hostile_run();
  const RunSummary summary = summarize(run);
  const std::string page = html_page(run, summary);
  EXPECT_THAT(page, Not(HasSubstr("</script><b>")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  const Json data = Json::parse(page_data(run, summary));
  EXPECT_EQ(data["stages"].size(), 2U);
  EXPECT_EQ(data["total"]["requests"], run.requests.size());
  EXPECT_EQ(data["endpoints"].size(), 4U);  // "unknown" answered nothing
  const size_t begin = page.find("id=\"data\">") + 10;
  const std::string embedded = page.substr(begin, page.find("</script>", begin) - begin);
  EXPECT_EQ(Json::parse(embedded), data);
}

TEST(Page, DefaultIsATenantOnlyWhereItSentSomething) {
  RunResult run = SyntheticRun({}).make();
  const auto names = [&] {
    std::vector<std::string> out;
    const Json data = Json::parse(page_data(run, summarize(run)));
    for (const Json& row : data["tenants"]) out.push_back(row["name"]);
    return out;
  };
  EXPECT_THAT(names(), testing::ElementsAre("default", "batch"));
  for (RequestRecord& record : run.requests) record.tenant = 1;
  EXPECT_THAT(names(), testing::ElementsAre("batch"));
}

TEST(Page, ItsSizeDoesNotDependOnTheNumberOfRequests) {
  const RunResult few = SyntheticRun({.rates = {20}, .stage_s = 50}).make();
  const RunResult many = SyntheticRun({.rates = {20}, .stage_s = 2000}).make();
  EXPECT_LT(html_page(many, summarize(many)).size(),
            html_page(few, summarize(few)).size() + 20'000);
}

TEST(Reports, WritesEveryFileOfEvenAnEmptyRun) {
  const std::string folder = testing::TempDir() + "reports_test";
  std::filesystem::remove_all(folder);
  RunResult run;
  run.stages.resize(2);
  run.info.keeps_token_times = true;
  ASSERT_TRUE(write_reports({folder}, run, summarize(run)).ok());
  for (const char* name :
       {"summary_lifecycle_metrics.json", "stage_0_lifecycle_metrics.json",
        "stage_1_lifecycle_metrics.json", "per_request_lifecycle_metrics.json"}) {
    EXPECT_TRUE(Json::accept(read_file(folder + '/' + name, 1 << 20).value())) << name;
  }
  for (const char* name : {"config.yaml", "report.html",
                           "benchmark_report_v0.2,_stage_1_lifecycle_metrics.json.yaml"}) {
    EXPECT_TRUE(std::filesystem::exists(folder + '/' + name)) << name;
  }
  std::filesystem::remove_all(folder);
}

TEST(Reports, APrefixIsPartOfEachNameAndMayNameFolders) {
  const std::string folder = testing::TempDir() + "prefixed_reports_test";
  std::filesystem::remove_all(folder);
  RunResult run;
  run.stages.resize(1);
  ASSERT_TRUE(write_reports({folder, "day/one-"}, run, summarize(run)).ok());
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (file.is_regular_file()) names.push_back(file.path().lexically_relative(folder));
  }
  // Without the times of tokens there is no file of requests.
  EXPECT_THAT(
      names, testing::UnorderedElementsAre(
                 "day/one-summary_lifecycle_metrics.json", "day/one-stage_0_lifecycle_metrics.json",
                 "day/one-benchmark_report_v0.2,_stage_0_lifecycle_metrics.json.yaml",
                 "day/one-config.yaml", "day/one-report.html"));
  std::filesystem::remove_all(folder);
}

TEST(Reports, SaysWhereItCouldNotWrite) {
  const auto written = write_reports({"/proc/nowhere"}, RunResult{}, RunSummary{});
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().message, HasSubstr("/proc/nowhere"));
}

}  // namespace
}  // namespace llmd::bench
