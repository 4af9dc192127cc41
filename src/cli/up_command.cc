// SPDX-License-Identifier: Apache-2.0
#include "cli/up_command.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "cli/default_service.h"
#include "cli/detach.h"
#include "cluster/local/process.h"
#include "cluster/local/state_dir.h"
#include "cluster/local/supervisor.h"
#include "cluster/plan.h"
#include "inspect/check.h"
#include "net/event_loop.h"
#include "resources/objects.h"

namespace llmd::cli {
namespace {

using resources::ModelService;

constexpr const char* kExamples = R"(Examples:
  llmd up                                two engines with the default model
  llmd up -f service.yaml --port 9000
  llmd up --detach                       returns when the cluster is ready; llmd down stops it

A file holds ModelService objects, and whatever else the gateway reads: EndpointPickerConfig,
InferenceObjective, InferenceModelRewrite. The gateway follows those while the file changes; a
changed ModelService takes effect with the next llmd up.
  apiVersion: llm-d.ai/v1alpha1
  kind: ModelService
  metadata: {name: tiny}
  spec:
    modelArtifacts: {uri: "file://models/llmd-tiny"}
    routing: {modelName: llmd-tiny}
    engine: {type: llmd}                 # or vllm, or command with command: [...]
    decode: {replicas: 2, resources: {cpu: 1}})";

struct UpOptions {
  std::vector<std::string> files;
  std::string name = "default";
  uint16_t port = 8080;
  bool detach = false;
};

/// Says at once what an engine would say only after it was started.
Result<void> check_models(const std::vector<ModelService>& services) {
  for (const ModelService& service : services) {
    if (service.model_path.empty() || std::filesystem::is_directory(service.model_path)) continue;
    return not_found(fmt::format("ModelService \"{}\": there is no model directory {}",
                                 service.name, service.model_path));
  }
  return {};
}

cluster::PlanOptions plan_options() {
  return {.program = cluster::kOwnProgram,
          .host = "127.0.0.1",
          .cores = std::max(1U, std::thread::hardware_concurrency())};
}

/// Says at once what the gateway would say only after it was started.
Result<void> check_scheduling(const std::vector<std::string>& files) {
  const inspect::CheckReport report = inspect::check_files(files, plan_options());
  if (report.errors.empty()) return {};
  return invalid_argument(fmt::format("{}", fmt::join(report.errors, "\n")));
}

/// Files may say only how the default model is scheduled.
Result<std::vector<ModelService>> services_of(const UpOptions& options) {
  LLMD_ASSIGN_OR_RETURN(auto objects, resources::load_objects(options.files));
  if (objects.services.empty()) return default_services();
  return std::move(objects.services);
}

std::string ready_text(const std::string& url, const std::string& model) {
  return fmt::format(
      "llmd ready up {0}\n\nTry it:\n  curl {0}/v1/chat/completions -H 'Content-Type: "
      "application/json' \\\n    -d '{{\"model\": \"{1}\", \"messages\": [{{\"role\": \"user\", "
      "\"content\": \"Hello!\"}}], \"max_tokens\": 64}}'\n",
      url, model);
}

/// Runs the cluster until it has ended. The name is locked already.
int supervise(const UpOptions& options, const std::vector<ModelService>& services,
              const cluster::StateDir& dir, Reporter reporter) {
  log::configure("up " + options.name, log::Level::kWarn);
  net::EventLoop loop;
  const SteadyClock clock;
  int exit_code = 0;
  cluster::SupervisorOptions supervised;
  supervised.name = options.name;
  supervised.engines = cluster::plan(services, plan_options());
  supervised.gateway = cluster::gateway_command(cluster::kOwnProgram, options.files);
  supervised.port = options.port;
  const std::string model = services.empty() ? "" : services.front().model_name;
  cluster::Supervisor supervisor(
      loop, clock, dir, std::move(supervised),
      {.progress = [&](const std::string& line) { reporter.progress(line); },
       .ready = [&](const std::string& url) { reporter.ready(ready_text(url, model)); },
       .ended =
           [&](const Result<void>& outcome) {
             if (!outcome) reporter.failed(outcome.error().message);
             exit_code = outcome.ok() ? 0 : 1;
             loop.stop();
           }});
  bool asked = false;
  loop.on_terminate([&](int) {
    if (!std::exchange(asked, true)) fmt::print(stderr, "stopping; once more to kill\n");
    supervisor.stop();
  });
  loop.post([&] { supervisor.start(); });
  loop.run();
  return exit_code;
}

Result<int> up(const UpOptions& options) {
  LLMD_ASSIGN_OR_RETURN(const auto services, services_of(options));
  LLMD_RETURN_IF_ERROR(check_models(services));
  LLMD_RETURN_IF_ERROR(check_scheduling(options.files));
  LLMD_ASSIGN_OR_RETURN(auto dir, cluster::StateDir::open(options.name));
  LLMD_RETURN_IF_ERROR(dir.lock());
  if (!options.detach) return supervise(options, services, dir, Reporter());
  return run_detached(dir.path("up.log"), [&](Reporter reporter) {
    return supervise(options, services, dir, reporter);
  });
}

}  // namespace

void add_up_command(CLI::App& app, int& exit_code) {
  const auto options = std::make_shared<UpOptions>();
  CLI::App* command = app.add_subcommand("up", "Runs a gateway and its engines on this machine");
  command->add_option("-f,--file", options->files, "YAML file of objects; repeatable")
      ->check(CLI::ExistingFile);
  command->add_option("--port", options->port, "Port of the gateway; 0 takes a free one")
      ->capture_default_str();
  command->add_option("--name", options->name, "Name of the cluster")->capture_default_str();
  command->add_flag("--detach", options->detach, "Return when the cluster is ready");
  command->footer(kExamples);
  command->callback([options, &exit_code] {
    const auto code = up(*options);
    if (!code) fmt::print(stderr, "llmd: {}\n", code.error().message);
    exit_code = code ? *code : 1;
  });
}

}  // namespace llmd::cli
