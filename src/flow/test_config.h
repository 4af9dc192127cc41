// SPDX-License-Identifier: Apache-2.0
// Configurations and pools in a line, for tests and benchmarks.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "endpoints/pool.h"
#include "flow/config.h"

namespace llmd::flow {

/// One plugin of `type` with parameters in YAML.
inline resources::PluginSpec plugin(std::string name, std::string type,
                                    std::string_view parameters = "") {
  resources::PluginSpec spec{.name = std::move(name), .type = std::move(type), .parameters = {}};
  if (!parameters.empty()) {
    spec.parameters = resources::parse_yaml(parameters, "parameters").value().at(0);
  }
  return spec;
}

inline Result<Config> parse(std::string_view yaml,
                            const std::vector<resources::PluginSpec>& plugins = {}) {
  static const std::string kFile = "epp.yaml";
  const auto documents = resources::parse_yaml(yaml, kFile).value();
  const resources::YamlNode none;
  LLMD_ASSIGN_OR_RETURN(auto fields,
                        resources::Fields::of_optional(documents.empty() ? none : documents.at(0),
                                                       "flowControl", kFile));
  return parse_config(fields, plugins);
}

/// flowControl with a concurrency detector of so many requests per endpoint, and more members.
inline Config config_with(int concurrency, std::string_view yaml = "",
                          std::vector<resources::PluginSpec> plugins = {}) {
  plugins.push_back(
      plugin("detector", "concurrency-detector", "maxConcurrency: " + std::to_string(concurrency)));
  const std::string all = "saturationDetector: {pluginRef: detector}\n" + std::string(yaml);
  return parse(all, plugins).value();
}

inline void set_endpoint_count(endpoints::Pool& pool, size_t count, const std::string& role = "") {
  std::vector<endpoints::EndpointSpec> specs;
  for (size_t i = 0; i < count; ++i) {
    specs.push_back({.name = std::to_string(i),
                     .address = "127.0.0.1",
                     .port = static_cast<uint16_t>(i + 1),
                     .labels = {}});
    if (!role.empty()) specs.back().labels[std::string(endpoints::kRoleLabel)] = role;
  }
  pool.update(std::move(specs));
}

}  // namespace llmd::flow
