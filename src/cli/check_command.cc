// SPDX-License-Identifier: Apache-2.0
#include "cli/check_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "inspect/check.h"

namespace llmd::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  llmd check service.yaml
  llmd check scheduling.yaml objectives.yaml endpoints.yaml

Checks ModelService, EndpointPickerConfig (with the parameters of its plugins and its flow control),
InferenceObjective, InferenceModelRewrite, endpoints.yaml and configurations of llmd bench, and says
what each will do. Errors go to stderr as FILE:LINE:COLUMN: KEY: what would be right, one for each
document; the exit status is then 1.)";

int check(const std::vector<std::string>& files) {
  const inspect::CheckReport report =
      inspect::check_files(files, {.cores = std::max(1U, std::thread::hardware_concurrency())});
  fmt::print("{}", report.text);
  for (const std::string& error : report.errors) fmt::print(stderr, "{}\n", error);
  return report.errors.empty() ? 0 : 1;
}

}  // namespace

void add_check_command(CLI::App& app, int& exit_code) {
  const auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("check", "Checks files and says what they will do");
  command->add_option("FILE", *files, "YAML files")->required();
  command->footer(kExamples);
  command->callback([files, &exit_code] { exit_code = check(*files); });
}

}  // namespace llmd::cli
