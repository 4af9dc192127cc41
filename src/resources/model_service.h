// SPDX-License-Identifier: Apache-2.0
// ModelService: the object in which a user says which model to serve, with what, and how often.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "resources/endpoint_picker_config.h"
#include "resources/yaml.h"

namespace llmd::resources {

inline constexpr std::string_view kModelServiceKind = "ModelService";
inline constexpr std::string_view kApiVersion = "llm-d.ai/v1alpha1";
inline constexpr uint32_t kReplicasMax = 64;
inline constexpr size_t kArgumentsMax = 256;

enum class EngineType : uint8_t {
  kLlmd,       ///< the built-in engine
  kVllm,       ///< `vllm serve`
  kCommand,    ///< the user's own command line
  kSimulated,  ///< the built-in engine with a time model; the model's path is its tokenizer's, if
               ///< any
};
std::string_view to_string(EngineType type);

struct Engine {
  EngineType type = EngineType::kLlmd;
  /// Type command only: the program and its arguments. In it and in `args`, {model} stands for
  /// the model's path, {port} for the replica's port, {kv-events-port} and {kv-replay-port} for
  /// those of its KV events.
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;

  bool operator==(const Engine&) const = default;
};

struct Decode {
  uint32_t replicas = 1;
  uint32_t cpu_milli = 0;     ///< 0: a fair share of the machine
  uint64_t memory_bytes = 0;  ///< 0: not said. Only clusters with a scheduler can hold one to it.

  bool operator==(const Decode&) const = default;
};

struct ModelService {
  std::string name;        ///< a DNS label
  std::string model_path;  ///< of the file:// URI; empty for types that can do without one
  std::string model_name;  ///< what clients ask for
  Engine engine;
  Decode decode;
  bool kv_events = false;                          ///< engines publish what they cache
  std::optional<EndpointPickerConfig> scheduling;  ///< the gateway's default when absent

  bool operator==(const ModelService&) const = default;
};

/// Reads one document, fills defaults and validates. Errors name file, line, column, the key and
/// what would be right. Any thread.
Result<ModelService> read_model_service(const YamlNode& document, const std::string& file);

/// As YAML that read_model_service() reads back to an equal object.
std::string print(const ModelService& service);

}  // namespace llmd::resources
