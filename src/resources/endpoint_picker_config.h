// SPDX-License-Identifier: Apache-2.0
// EndpointPickerConfig: how requests are scheduled. Upstream's own document.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "resources/plugin_spec.h"
#include "resources/yaml.h"

namespace llmd::resources {

inline constexpr std::string_view kEndpointPickerConfigKind = "EndpointPickerConfig";

/// A profile's reference to a plugin.
struct ProfilePlugin {
  std::string plugin;  ///< its name
  double weight = 1;   ///< of a scorer
  std::string place;   ///< file:line, for errors
};

struct SchedulingProfile {
  std::string name;
  std::vector<ProfilePlugin> plugins;
};

struct EndpointPickerConfig {
  YamlNode source;  ///< as it was written
  std::string file;
  bool flow_control = false;  ///< feature gate
  std::vector<PluginSpec> plugins;
  std::vector<SchedulingProfile> profiles;
  YamlNode flow;               ///< flowControl: flow/ reads it; null when absent
  std::string discovery_path;  ///< of a file-discovery plugin; empty without one

  /// Equal when their documents say the same, wherever they stand.
  bool operator==(const EndpointPickerConfig& other) const;
};

/// Reads one document, fills defaults and validates what does not need to know the plugins. API
/// versions llm-d.ai/v1, llm-d.ai/v1alpha1 and the legacy inference.networking.x-k8s.io/v1alpha1.
/// Errors name file, line, column, the key and what would be right. Any thread.
Result<EndpointPickerConfig> parse_endpoint_picker_config(std::string_view text,
                                                          const std::string& file);
/// As above, from a file.
Result<EndpointPickerConfig> load_endpoint_picker_config(const std::string& file);
/// From one document of several.
Result<EndpointPickerConfig> read_endpoint_picker_config(const YamlNode& document,
                                                         const std::string& file);
/// Inline in another object, at `path` of it: apiVersion and kind may be left out.
Result<EndpointPickerConfig> read_inline_endpoint_picker_config(const YamlNode& node,
                                                                const std::string& path,
                                                                const std::string& file);

}  // namespace llmd::resources
