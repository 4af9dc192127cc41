// SPDX-License-Identifier: Apache-2.0
// From what a user wants to the processes that give it: a pure function, for every backend alike.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "resources/model_service.h"

namespace llmd::cluster {

/// How a backend learns that a replica can serve.
enum class Readiness : uint8_t {
  /// Prints "llmd ready ROLE http://HOST:PORT"; may be given port 0. Then, where it publishes KV
  /// events, "llmd kv-events URL ENDPOINT replay ENDPOINT".
  kReadyLine,
  kHealth,  ///< GET /health answers 200 on the port it was given
};

/// One process to run.
struct ReplicaSpec {
  std::string name;  ///< service and number: "tiny-0"
  std::string role;  ///< "decode"
  /// In it and in the labels' values {port}, {kv-events-port} and {kv-replay-port} stand where
  /// ports belong, see fill().
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;
  std::map<std::string, std::string, std::less<>> labels;
  Readiness readiness = Readiness::kHealth;

  bool operator==(const ReplicaSpec&) const = default;
};

struct PlanOptions {
  std::string program = "llmd";  ///< first word of the built-in engine's command line
  std::string host = "127.0.0.1";
  uint32_t cores = 1;  ///< of the machine; 0 leaves thread counts to the engines
};

/// Replicas in the order of the services. Those that do not say how many cores they need share
/// `cores` evenly, at least one each.
std::vector<ReplicaSpec> plan(const std::vector<resources::ModelService>& services,
                              const PlanOptions& options);

/// The gateway's command line but for where it listens and where its engines are. It reads the same
/// files: scheduling, objectives and rewrites, and follows them while they change.
std::vector<std::string> gateway_command(const std::string& program,
                                         const std::vector<std::string>& files);

struct Ports {
  uint16_t serving = 0;
  uint16_t kv_events = 0;
  uint16_t kv_replay = 0;
};
/// The replica with its ports filled in.
ReplicaSpec fill(ReplicaSpec spec, const Ports& ports);
/// Whether it publishes KV events.
bool has_kv_events(const ReplicaSpec& spec);

}  // namespace llmd::cluster
