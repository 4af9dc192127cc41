// SPDX-License-Identifier: Apache-2.0
#include "cluster/plan.h"

#include <fmt/core.h>

#include <algorithm>

#include "endpoints/endpoint.h"

namespace llmd::cluster {
namespace {

using resources::EngineType;
using resources::ModelService;

constexpr std::string_view kPort = "{port}";
constexpr std::string_view kKvEventsPort = "{kv-events-port}";
constexpr std::string_view kKvReplayPort = "{kv-replay-port}";
constexpr std::string_view kModel = "{model}";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

uint32_t total_replicas(const std::vector<ModelService>& services) {
  uint32_t sum = 0;
  for (const ModelService& service : services) sum += service.decode.replicas;
  return sum;
}

uint32_t thread_count(const ModelService& service, uint32_t fair_share) {
  const uint32_t asked = (service.decode.cpu_milli + 999) / 1000;
  return asked > 0 ? asked : fair_share;
}

void add_serving_flags(const ModelService& service, const PlanOptions& options,
                       std::vector<std::string>& argv) {
  argv.insert(argv.end(), {"--served-model-name", service.model_name, "--host", options.host,
                           "--port", std::string(kPort)});
}

std::vector<std::string> command_line(const ModelService& service, const PlanOptions& options,
                                      uint32_t threads) {
  std::vector<std::string> argv;
  switch (service.engine.type) {
    case EngineType::kLlmd:
      argv = {options.program, "engine", "--model", service.model_path};
      add_serving_flags(service, options, argv);
      if (threads > 0) argv.insert(argv.end(), {"--threads", std::to_string(threads)});
      return argv;
    case EngineType::kSimulated:
      argv = {options.program, "engine", "--simulated"};
      add_serving_flags(service, options, argv);
      if (!service.model_path.empty()) {
        argv.insert(argv.end(), {"--tokenizer", service.model_path});
      }
      return argv;
    case EngineType::kVllm:
      argv = {"vllm", "serve", service.model_path};
      add_serving_flags(service, options, argv);
      return argv;
    case EngineType::kCommand:
      return service.engine.command;
  }
  return {};
}

bool is_built_in(EngineType type) {
  return type == EngineType::kLlmd || type == EngineType::kSimulated;
}

/// vLLM's flag, which the built-in engine has too. That one takes free ports, on loopback, as
/// events tell what is asked; vLLM would take such an endpoint for one to connect to. The replica's
/// ports are told by labels.
void add_kv_events(const ModelService& service, ReplicaSpec& spec) {
  const std::string on_loopback = "tcp://127.0.0.1:0";
  const bool built_in = is_built_in(service.engine.type);
  const std::string events = built_in ? on_loopback : fmt::format("tcp://*:{}", kKvEventsPort);
  const std::string replay = built_in ? on_loopback : fmt::format("tcp://*:{}", kKvReplayPort);
  if (service.engine.type != EngineType::kCommand) {
    spec.argv.insert(
        spec.argv.end(),
        {"--kv-events-config", fmt::format(R"({{"enable_kv_cache_events": true, "endpoint": "{}", )"
                                           R"("replay_endpoint": "{}"}})",
                                           events, replay)});
  }
  spec.labels[std::string(endpoints::kKvEventsPortLabel)] = kKvEventsPort;
  spec.labels[std::string(endpoints::kKvReplayPortLabel)] = kKvReplayPort;
}

ReplicaSpec replica(const ModelService& service, uint32_t number, const PlanOptions& options,
                    uint32_t fair_share) {
  ReplicaSpec spec;
  spec.name = fmt::format("{}-{}", service.name, number);
  spec.role = "decode";
  spec.argv = command_line(service, options, thread_count(service, fair_share));
  for (const std::string& text : service.engine.args) spec.argv.push_back(text);
  for (std::string& text : spec.argv) text = replaced(std::move(text), kModel, service.model_path);
  spec.env = service.engine.env;
  // The built-in engine speaks vLLM's metric names, and so is a user's own command taken to.
  spec.labels = {{std::string(endpoints::kRoleLabel), spec.role},
                 {std::string(endpoints::kEngineTypeLabel), "vllm"},
                 {std::string(endpoints::kModelServiceLabel), service.name}};
  if (service.kv_events) add_kv_events(service, spec);
  spec.readiness = is_built_in(service.engine.type) ? Readiness::kReadyLine : Readiness::kHealth;
  return spec;
}

}  // namespace

std::vector<ReplicaSpec> plan(const std::vector<ModelService>& services,
                              const PlanOptions& options) {
  const uint32_t sharers = std::max(total_replicas(services), 1U);
  const uint32_t fair_share = options.cores == 0 ? 0 : std::max(options.cores / sharers, 1U);
  std::vector<ReplicaSpec> specs;
  for (const ModelService& service : services) {
    for (uint32_t number = 0; number < service.decode.replicas; ++number) {
      specs.push_back(replica(service, number, options, fair_share));
    }
  }
  return specs;
}

std::vector<std::string> gateway_command(const std::string& program,
                                         const std::vector<std::string>& files) {
  std::vector<std::string> argv = {program, "gateway"};
  for (const std::string& file : files) argv.insert(argv.end(), {"-f", file});
  return argv;
}

ReplicaSpec fill(ReplicaSpec spec, const Ports& ports) {
  const auto fill_in = [&](std::string& text) {
    text = replaced(std::move(text), kPort, std::to_string(ports.serving));
    text = replaced(std::move(text), kKvEventsPort, std::to_string(ports.kv_events));
    text = replaced(std::move(text), kKvReplayPort, std::to_string(ports.kv_replay));
  };
  for (std::string& text : spec.argv) fill_in(text);
  for (auto& [key, value] : spec.labels) fill_in(value);
  return spec;
}

bool has_kv_events(const ReplicaSpec& spec) {
  return spec.labels.contains(endpoints::kKvEventsPortLabel);
}

}  // namespace llmd::cluster
