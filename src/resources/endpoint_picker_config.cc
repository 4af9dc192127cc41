// SPDX-License-Identifier: Apache-2.0
#include "resources/endpoint_picker_config.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "resources/fields.h"
#include "resources/object_header.h"

namespace llmd::resources {
namespace {

constexpr std::string_view kApiVersions[] = {"llm-d.ai/v1", "llm-d.ai/v1alpha1",
                                             "inference.networking.x-k8s.io/v1alpha1"};
constexpr double kWeightMax = 1e6;
constexpr uint32_t kPluginsMax = 256;

Result<bool> read_feature_gates(Fields& root) {
  LLMD_ASSIGN_OR_RETURN(const auto gates, root.texts("featureGates"));
  bool flow_control = false;
  for (const std::string& gate : gates) {
    if (gate == "flowControl") {
      flow_control = true;
    } else if (gate != "haPopulateNonLeaderDatastore") {
      const std::vector<std::string> known{"flowControl", "haPopulateNonLeaderDatastore"};
      const auto nearest = nearest_word(gate, known);
      return root.error("featureGates",
                        fmt::format("there is no gate {}{}", gate,
                                    nearest ? "; did you mean " + *nearest + "?" : ""));
    }
  }
  return flow_control;
}

Result<std::vector<PluginSpec>> read_plugins(Fields& root) {
  LLMD_ASSIGN_OR_RETURN(auto maps, root.maps("plugins"));
  if (maps.size() > kPluginsMax) return root.error("plugins", "are too many");
  std::vector<PluginSpec> plugins;
  std::set<std::string> names;
  for (Fields& fields : maps) {
    PluginSpec spec;
    LLMD_RETURN_IF_ERROR(fields.require("type"));
    LLMD_ASSIGN_OR_RETURN(spec.type, fields.text("type", ""));
    LLMD_ASSIGN_OR_RETURN(spec.name, fields.text("name", spec.type));
    if (const YamlNode* parameters = fields.find("parameters")) spec.parameters = *parameters;
    spec.line = fields.line();
    LLMD_RETURN_IF_ERROR(fields.done());
    if (!names.insert(spec.name).second) return fields.error("name", "is given twice");
    plugins.push_back(std::move(spec));
  }
  return plugins;
}

Result<ProfilePlugin> read_profile_plugin(Fields& fields, const std::vector<PluginSpec>& plugins) {
  ProfilePlugin out;
  LLMD_RETURN_IF_ERROR(fields.require("pluginRef"));
  LLMD_ASSIGN_OR_RETURN(out.plugin, fields.text("pluginRef", ""));
  LLMD_ASSIGN_OR_RETURN(out.weight, fields.decimal("weight", 1, kWeightMax));
  LLMD_RETURN_IF_ERROR(fields.done());
  out.place = fmt::format("{}:{}", fields.file(), fields.line());
  if (std::ranges::find(plugins, out.plugin, &PluginSpec::name) != plugins.end()) return out;
  std::vector<std::string> names;
  for (const PluginSpec& plugin : plugins) names.push_back(plugin.name);
  const auto nearest = nearest_word(out.plugin, names);
  return fields.error("pluginRef", fmt::format("there is no plugin named {} above{}", out.plugin,
                                               nearest ? "; did you mean " + *nearest + "?" : ""));
}

Result<std::vector<SchedulingProfile>> read_profiles(Fields& root,
                                                     const std::vector<PluginSpec>& plugins) {
  LLMD_ASSIGN_OR_RETURN(auto maps, root.maps("schedulingProfiles"));
  std::vector<SchedulingProfile> profiles;
  for (Fields& fields : maps) {
    SchedulingProfile profile;
    LLMD_RETURN_IF_ERROR(fields.require("name"));
    LLMD_ASSIGN_OR_RETURN(profile.name, fields.text("name", ""));
    LLMD_ASSIGN_OR_RETURN(auto references, fields.maps("plugins"));
    LLMD_RETURN_IF_ERROR(fields.done());
    for (Fields& reference : references) {
      LLMD_ASSIGN_OR_RETURN(auto plugin, read_profile_plugin(reference, plugins));
      profile.plugins.push_back(std::move(plugin));
    }
    if (std::ranges::find(profiles, profile.name, &SchedulingProfile::name) != profiles.end()) {
      return fields.error("name", "is given twice");
    }
    profiles.push_back(std::move(profile));
  }
  return profiles;
}

/// Without profiles every plugin is part of a single one, as upstream has it.
SchedulingProfile profile_of_all(const EndpointPickerConfig& config) {
  SchedulingProfile profile{.name = "default", .plugins = {}};
  for (const PluginSpec& plugin : config.plugins) {
    if (!plugin.type.ends_with("-filter") && !plugin.type.ends_with("-scorer") &&
        !plugin.type.ends_with("-picker")) {
      continue;
    }
    profile.plugins.push_back({plugin.name, 1, fmt::format("{}:{}", config.file, plugin.line)});
  }
  return profile;
}

/// The data layer is built in: sources and extractors are checked and otherwise left to it.
Result<std::string> read_data_layer(Fields& root, const std::vector<PluginSpec>& plugins) {
  LLMD_ASSIGN_OR_RETURN(auto layer, root.map("dataLayer"));
  LLMD_RETURN_IF_ERROR(layer.boolean("injectDefaults", true));
  LLMD_ASSIGN_OR_RETURN(auto sources, layer.maps("sources"));
  for (Fields& source : sources) {
    LLMD_RETURN_IF_ERROR(source.require("pluginRef"));
    LLMD_ASSIGN_OR_RETURN(auto extractors, source.maps("extractors"));
    for (Fields& extractor : extractors) {
      LLMD_RETURN_IF_ERROR(extractor.require("pluginRef"));
      LLMD_RETURN_IF_ERROR(extractor.done());
    }
    LLMD_RETURN_IF_ERROR(source.done());
  }
  constexpr std::string_view kUnbuilt[] = {"peerDiscovery", "crossReplicaSyncerPluginRef",
                                           "crossReplicaSyncInterval"};
  LLMD_RETURN_IF_ERROR(layer.refuse_unbuilt(kUnbuilt));
  LLMD_ASSIGN_OR_RETURN(auto discovery, layer.map("discovery"));
  LLMD_ASSIGN_OR_RETURN(const std::string name, discovery.text("pluginRef", ""));
  LLMD_RETURN_IF_ERROR(discovery.done());
  LLMD_RETURN_IF_ERROR(layer.done());
  if (name.empty()) return std::string();
  const auto plugin = std::ranges::find(plugins, name, &PluginSpec::name);
  if (plugin == plugins.end()) {
    return layer.error("discovery", "there is no plugin named " + name + " above");
  }
  LLMD_ASSIGN_OR_RETURN(auto parameters,
                        Fields::of_optional(plugin->parameters, name + ".parameters", root.file()));
  LLMD_RETURN_IF_ERROR(parameters.boolean("watchFile", false));
  LLMD_ASSIGN_OR_RETURN(std::string path, parameters.text("path", ""));
  LLMD_RETURN_IF_ERROR(parameters.done());
  return path;
}

Result<void> check_request_handler(Fields& root) {
  LLMD_ASSIGN_OR_RETURN(auto handler, root.map("requestHandler"));
  LLMD_ASSIGN_OR_RETURN(auto parsers, handler.maps("parsers"));
  for (Fields& parser : parsers) {
    LLMD_RETURN_IF_ERROR(parser.require("pluginRef"));
    LLMD_RETURN_IF_ERROR(parser.done());
  }
  return handler.done();
}

Result<EndpointPickerConfig> read_content(Fields& root) {
  EndpointPickerConfig config;
  config.file = root.file();
  LLMD_ASSIGN_OR_RETURN(config.flow_control, read_feature_gates(root));
  LLMD_ASSIGN_OR_RETURN(config.plugins, read_plugins(root));
  LLMD_ASSIGN_OR_RETURN(config.profiles, read_profiles(root, config.plugins));
  if (config.profiles.empty()) config.profiles.push_back(profile_of_all(config));
  LLMD_ASSIGN_OR_RETURN(config.discovery_path, read_data_layer(root, config.plugins));
  if (const YamlNode* flow = root.find("flowControl")) config.flow = *flow;
  LLMD_RETURN_IF_ERROR(check_request_handler(root));
  LLMD_RETURN_IF_ERROR(root.done());
  return config;
}

}  // namespace

bool EndpointPickerConfig::operator==(const EndpointPickerConfig& other) const {
  return print_yaml(source) == print_yaml(other.source);
}

Result<EndpointPickerConfig> read_endpoint_picker_config(const YamlNode& document,
                                                         const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(auto root, Fields::of(document, "", file));
  LLMD_RETURN_IF_ERROR(check_header(root, kEndpointPickerConfigKind, kApiVersions));
  root.find("metadata");
  LLMD_ASSIGN_OR_RETURN(auto config, read_content(root));
  config.source = document;
  return config;
}

Result<EndpointPickerConfig> read_inline_endpoint_picker_config(const YamlNode& node,
                                                                const std::string& path,
                                                                const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(auto root, Fields::of(node, path, file));
  const bool has_header = root.find("apiVersion") != nullptr || root.find("kind") != nullptr;
  if (has_header) {
    LLMD_RETURN_IF_ERROR(check_header(root, kEndpointPickerConfigKind, kApiVersions));
  }
  LLMD_ASSIGN_OR_RETURN(auto config, read_content(root));
  config.source = node;
  return config;
}

Result<EndpointPickerConfig> parse_endpoint_picker_config(std::string_view text,
                                                          const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(const auto documents, parse_yaml(text, file));
  if (documents.size() != 1) {
    return invalid_argument(fmt::format("{}: holds {} documents, must be one {}", file,
                                        documents.size(), kEndpointPickerConfigKind));
  }
  return read_endpoint_picker_config(documents.front(), file);
}

Result<EndpointPickerConfig> load_endpoint_picker_config(const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(const std::string text, read_file(file, kYamlBytesMax));
  return parse_endpoint_picker_config(text, file);
}

}  // namespace llmd::resources
