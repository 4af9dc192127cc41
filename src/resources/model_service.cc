// SPDX-License-Identifier: Apache-2.0
#include "resources/model_service.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "resources/fields.h"
#include "resources/object_header.h"
#include "resources/quantity.h"

namespace llmd::resources {
namespace {

constexpr size_t kModelNameLengthMax = 256;
constexpr std::string_view kFileScheme = "file://";
constexpr std::string_view kApiVersions[] = {kApiVersion};
constexpr std::array<std::string_view, 4> kUnbuilt = {"kvTransfer", "tiers", "autoscaling",
                                                      "rollout"};

bool is_variable_name(std::string_view name) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         std::all_of(name.begin(), name.end(), is_word);
}

/// Control characters end up in argv, logs and headers; none belongs there.
bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<void> check_texts(const Fields& fields, std::string_view key,
                         const std::vector<std::string>& texts) {
  if (texts.size() > kArgumentsMax) {
    return fields.error(key, fmt::format("holds more than {} texts", kArgumentsMax));
  }
  if (!std::all_of(texts.begin(), texts.end(), is_printable)) {
    return fields.error(key, "must not hold control characters");
  }
  return {};
}

Result<std::string> read_name(Fields& root) {
  LLMD_ASSIGN_OR_RETURN(Fields metadata, root.map("metadata"));
  LLMD_RETURN_IF_ERROR(metadata.require("name"));
  LLMD_ASSIGN_OR_RETURN(std::string name, metadata.text("name", ""));
  if (!is_dns_label(name)) {
    return metadata.error("name", "must be lower-case letters, digits and -, at most 63");
  }
  LLMD_RETURN_IF_ERROR(metadata.done());
  return name;
}

Result<std::string> read_model_path(Fields& spec, EngineType type) {
  LLMD_ASSIGN_OR_RETURN(Fields artifacts, spec.map("modelArtifacts"));
  const bool needs_model = type == EngineType::kLlmd || type == EngineType::kVllm;
  if (needs_model) LLMD_RETURN_IF_ERROR(artifacts.require("uri"));
  LLMD_ASSIGN_OR_RETURN(std::string uri, artifacts.text("uri", ""));
  LLMD_RETURN_IF_ERROR(artifacts.done());
  if (uri.empty()) return uri;
  if (!uri.starts_with(kFileScheme) || uri.size() == kFileScheme.size() || !is_printable(uri)) {
    return artifacts.error("uri",
                           "must be file://PATH of a model directory; hf://, pvc:// and "
                           "oci:// cannot be fetched yet");
  }
  return uri.substr(kFileScheme.size());
}

Result<std::string> read_model_name(Fields& spec, const std::string& fallback) {
  LLMD_ASSIGN_OR_RETURN(Fields routing, spec.map("routing"));
  LLMD_ASSIGN_OR_RETURN(std::string name, routing.text("modelName", fallback));
  if (name.size() > kModelNameLengthMax || !is_printable(name)) {
    return routing.error(
        "modelName", fmt::format("must be at most {} printable characters", kModelNameLengthMax));
  }
  LLMD_RETURN_IF_ERROR(routing.done());
  return name;
}

Result<EngineType> read_engine_type(Fields& engine) {
  LLMD_ASSIGN_OR_RETURN(const std::string type, engine.text("type", "llmd"));
  const std::vector<std::string> types = {"llmd", "vllm", "command", "simulated"};
  const auto found = std::find(types.begin(), types.end(), type);
  if (found != types.end()) return static_cast<EngineType>(found - types.begin());
  const auto nearest = nearest_word(type, types);
  return engine.error("type", fmt::format("there is no engine type \"{}\"; {}", type,
                                          nearest ? "did you mean " + *nearest + "?"
                                                  : "known are llmd, vllm, command and simulated"));
}

Result<Engine> read_engine(Fields& spec) {
  LLMD_ASSIGN_OR_RETURN(Fields fields, spec.map("engine"));
  Engine engine;
  LLMD_ASSIGN_OR_RETURN(engine.type, read_engine_type(fields));
  LLMD_ASSIGN_OR_RETURN(engine.command, fields.texts("command"));
  LLMD_ASSIGN_OR_RETURN(engine.args, fields.texts("args"));
  LLMD_ASSIGN_OR_RETURN(engine.env, fields.text_map("env"));
  LLMD_RETURN_IF_ERROR(check_texts(fields, "command", engine.command));
  LLMD_RETURN_IF_ERROR(check_texts(fields, "args", engine.args));
  const bool has_command = !engine.command.empty();
  if (has_command != (engine.type == EngineType::kCommand)) {
    return fields.error("command", has_command ? "is for type command only; use args"
                                               : "must hold the program for type command");
  }
  if (has_command && engine.command.front().empty()) {
    return fields.error("command", "must begin with a program");
  }
  for (const auto& [name, value] : engine.env) {
    if (is_variable_name(name) && is_printable(value)) continue;
    return fields.error("env", fmt::format("\"{}\" is no variable, or its value holds control "
                                           "characters",
                                           name));
  }
  LLMD_RETURN_IF_ERROR(fields.done());
  return engine;
}

Result<void> read_resources(Fields& role, Decode& decode) {
  LLMD_ASSIGN_OR_RETURN(Fields resources, role.map("resources"));
  LLMD_ASSIGN_OR_RETURN(const std::string cpu, resources.text("cpu", ""));
  if (!cpu.empty()) {
    const auto milli = parse_cpu_milli(cpu);
    if (!milli) return resources.error("cpu", milli.error().message);
    decode.cpu_milli = *milli;
  }
  LLMD_ASSIGN_OR_RETURN(const std::string memory, resources.text("memory", ""));
  if (!memory.empty()) {
    const auto bytes = parse_memory_bytes(memory);
    if (!bytes) return resources.error("memory", bytes.error().message);
    decode.memory_bytes = *bytes;
  }
  return resources.done();
}

Result<Decode> read_decode(Fields& spec) {
  LLMD_ASSIGN_OR_RETURN(Fields fields, spec.map("decode"));
  Decode decode;
  LLMD_ASSIGN_OR_RETURN(decode.replicas, fields.number("replicas", 1, kReplicasMax));
  LLMD_RETURN_IF_ERROR(read_resources(fields, decode));
  LLMD_RETURN_IF_ERROR(fields.done());
  return decode;
}

Result<void> check_prefill(Fields& spec) {
  LLMD_ASSIGN_OR_RETURN(Fields fields, spec.map("prefill"));
  LLMD_ASSIGN_OR_RETURN(const uint32_t replicas, fields.number("replicas", 0, kReplicasMax));
  if (replicas > 0) {
    return fields.error("replicas", "separate prefill engines are not built yet; must be 0");
  }
  Decode ignored;
  LLMD_RETURN_IF_ERROR(read_resources(fields, ignored));
  return fields.done();
}

Result<bool> read_kv_events(Fields& spec) {
  LLMD_ASSIGN_OR_RETURN(Fields fields, spec.map("kvEvents"));
  LLMD_ASSIGN_OR_RETURN(const bool enabled, fields.boolean("enabled", false));
  LLMD_RETURN_IF_ERROR(fields.done());
  return enabled;
}

Result<std::optional<EndpointPickerConfig>> read_scheduling(Fields& spec) {
  const YamlNode* node = spec.find("scheduling");
  if (node == nullptr) return std::optional<EndpointPickerConfig>();
  LLMD_ASSIGN_OR_RETURN(auto config,
                        read_inline_endpoint_picker_config(*node, "spec.scheduling", spec.file()));
  return std::optional(std::move(config));
}

std::string print_texts(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + quote_yaml(text);
  return "[" + out + "]";
}

std::string print_engine(const Engine& engine) {
  std::string env;
  for (const auto& [name, value] : engine.env) {
    env += fmt::format("{}{}: {}", env.empty() ? "" : ", ", quote_yaml(name), quote_yaml(value));
  }
  return fmt::format("  engine:\n    type: {}\n    command: {}\n    args: {}\n    env: {{{}}}\n",
                     to_string(engine.type), print_texts(engine.command), print_texts(engine.args),
                     env);
}

std::string print_decode(const Decode& decode) {
  std::string resources;
  if (decode.cpu_milli != 0) resources = "cpu: " + print_cpu_milli(decode.cpu_milli);
  if (decode.memory_bytes != 0) {
    resources +=
        (resources.empty() ? "memory: " : ", memory: ") + print_memory_bytes(decode.memory_bytes);
  }
  return fmt::format("  decode:\n    replicas: {}\n    resources: {{{}}}\n", decode.replicas,
                     resources);
}

}  // namespace

std::string_view to_string(EngineType type) {
  switch (type) {
    case EngineType::kLlmd:
      return "llmd";
    case EngineType::kVllm:
      return "vllm";
    case EngineType::kCommand:
      return "command";
    case EngineType::kSimulated:
      return "simulated";
  }
  return "";
}

Result<ModelService> read_model_service(const YamlNode& document, const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(Fields root, Fields::of(document, "", file));
  LLMD_RETURN_IF_ERROR(check_header(root, kModelServiceKind, kApiVersions));
  ModelService service;
  LLMD_ASSIGN_OR_RETURN(service.name, read_name(root));
  LLMD_ASSIGN_OR_RETURN(Fields spec, root.map("spec"));
  LLMD_RETURN_IF_ERROR(root.done());
  LLMD_RETURN_IF_ERROR(spec.refuse_unbuilt(kUnbuilt));
  LLMD_ASSIGN_OR_RETURN(service.engine, read_engine(spec));
  LLMD_ASSIGN_OR_RETURN(service.model_path, read_model_path(spec, service.engine.type));
  LLMD_ASSIGN_OR_RETURN(service.model_name, read_model_name(spec, service.name));
  LLMD_ASSIGN_OR_RETURN(service.decode, read_decode(spec));
  LLMD_RETURN_IF_ERROR(check_prefill(spec));
  LLMD_ASSIGN_OR_RETURN(service.kv_events, read_kv_events(spec));
  LLMD_ASSIGN_OR_RETURN(service.scheduling, read_scheduling(spec));
  LLMD_RETURN_IF_ERROR(spec.done());
  return service;
}

std::string print(const ModelService& service) {
  std::string artifacts;
  if (!service.model_path.empty()) {
    artifacts = "uri: " + quote_yaml(std::string(kFileScheme) + service.model_path);
  }
  return fmt::format(
      "apiVersion: {}\nkind: ModelService\nmetadata: {{name: {}}}\nspec:\n"
      "  modelArtifacts: {{{}}}\n  routing: {{modelName: {}}}\n{}{}  prefill: {{replicas: 0}}\n"
      "  kvEvents: {{enabled: {}}}\n{}",
      kApiVersion, quote_yaml(service.name), artifacts, quote_yaml(service.model_name),
      print_engine(service.engine), print_decode(service.decode), service.kv_events,
      service.scheduling ? "  scheduling: " + print_yaml(service.scheduling->source) + "\n" : "");
}

}  // namespace llmd::resources
