// SPDX-License-Identifier: Apache-2.0
#include "request/routing_config.h"

#include <fmt/core.h>

#include <algorithm>

#include "schedule/default_config.h"
#include "tokenize/prompt_tokenizer.h"

namespace llmd::request {
namespace {

using resources::EndpointPickerConfig;
using resources::ModelService;

constexpr const char* kDefaultRoute = "default";

/// `shared`: for services that say nothing themselves; null: the default.
Result<void> add_service(const ModelService& service, const EndpointPickerConfig* shared,
                         std::vector<RouteConfig>& routes) {
  const auto same_model = std::ranges::find(routes, service.model_name, &RouteConfig::model_name);
  if (same_model == routes.end()) {
    const auto fallback = [&] {
      return shared == nullptr ? schedule::default_config(service.kv_events) : *shared;
    };
    routes.push_back({.name = service.name,
                      .model_name = service.model_name,
                      .services = {service.name},
                      .scheduling = service.scheduling ? *service.scheduling : fallback(),
                      .tokenizer = tokenizer_of(service)});
    return {};
  }
  if (service.scheduling && *service.scheduling != same_model->scheduling) {
    return invalid_argument(
        fmt::format("ModelService {}: serves {} as {} does, so its scheduling must be the same",
                    service.name, service.model_name, same_model->name));
  }
  same_model->services.push_back(service.name);
  return {};
}

/// Of "--flag value" or "--flag=value"; empty without it.
std::string flag_value(const std::vector<std::string>& args, const std::string& flag) {
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].starts_with(flag + "=")) return args[i].substr(flag.size() + 1);
    if (args[i] == flag && i + 1 < args.size()) return args[i + 1];
  }
  return {};
}

}  // namespace

std::string tokenizer_of(const ModelService& service) {
  const std::string own = flag_value(service.engine.args, "--tokenizer");
  if (!own.empty()) return own;
  const bool is_simulated = service.engine.type == resources::EngineType::kSimulated;
  return service.model_path.empty() && is_simulated ? std::string(tokenize::kWords4)
                                                    : service.model_path;
}

Result<RoutingConfig> plan_routing(resources::Objects objects) {
  if (objects.picker_configs.size() > 1) {
    return invalid_argument(fmt::format("{}: a second EndpointPickerConfig; {} has one already",
                                        objects.picker_configs[1].file,
                                        objects.picker_configs[0].file));
  }
  const EndpointPickerConfig* shared =
      objects.picker_configs.empty() ? nullptr : &objects.picker_configs.front();
  RoutingConfig config;
  for (const ModelService& service : objects.services) {
    LLMD_RETURN_IF_ERROR(add_service(service, shared, config.routes));
  }
  config.routes.push_back({.name = kDefaultRoute,
                           .model_name = {},
                           .services = {},
                           .scheduling = shared == nullptr ? schedule::default_config() : *shared});
  config.objectives = std::move(objects.objectives);
  config.rewrites = std::move(objects.rewrites);
  return config;
}

}  // namespace llmd::request
