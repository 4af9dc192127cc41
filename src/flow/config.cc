// SPDX-License-Identifier: Apache-2.0
#include "flow/config.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "flow/config_fields.h"

namespace llmd::flow {
namespace {

using resources::Fields;
using resources::PluginSpec;

/// What a plugin is: one of these, or none where it only names what enableEviction does.
struct Plugin {
  std::shared_ptr<FairnessPolicy> fairness;
  OrderingPolicy ordering;
  std::shared_ptr<UsageLimitPolicy> usage_limit;
  std::shared_ptr<SaturationDetector> detector;
};

/// A maker of one kind of plugin, as a maker of any.
template <auto kMember, auto kMake>
Result<Plugin> made_by(Fields& parameters) {
  Plugin plugin;
  LLMD_ASSIGN_OR_RETURN(plugin.*kMember, kMake(parameters));
  return plugin;
}
template <TimePoint (*kDue)(const Arrival&)>
Result<Plugin> orders_by(Fields& parameters) {
  LLMD_RETURN_IF_ERROR(parameters.done());
  Plugin plugin;
  plugin.ordering = {kDue};
  return plugin;
}
Result<Plugin> name_eviction(Fields& parameters) {
  LLMD_RETURN_IF_ERROR(parameters.done());
  return Plugin();
}

struct Type {
  std::string_view name;
  Result<Plugin> (*make)(Fields& parameters);
};
constexpr std::array kTypes = std::to_array<Type>({
    {"global-strict-fairness-policy", made_by<&Plugin::fairness, make_global_strict_fairness>},
    {"round-robin-fairness-policy", made_by<&Plugin::fairness, make_round_robin_fairness>},
    {"program-aware-fairness", made_by<&Plugin::fairness, make_program_aware_fairness>},
    {"fcfs-ordering-policy", orders_by<fcfs_ordering>},
    {"edf-ordering-policy", orders_by<edf_ordering>},
    {"slo-deadline-ordering-policy", orders_by<slo_deadline_ordering>},
    {"static-usage-limit-policy", made_by<&Plugin::usage_limit, make_static_usage_limit>},
    {"priority-holdback-policy", made_by<&Plugin::usage_limit, make_priority_holdback>},
    {"soft-reflective-ceiling-policy", made_by<&Plugin::usage_limit, make_soft_reflective_ceiling>},
    {"utilization-detector", made_by<&Plugin::detector, make_utilization_detector>},
    {"concurrency-detector", made_by<&Plugin::detector, make_concurrency_detector>},
    {"sheddable-eviction-filter", name_eviction},
    {"priority-then-time-eviction-order-policy", name_eviction},
});

constexpr auto kTypeNames = [] {
  std::array<std::string_view, kTypes.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kTypes[i].name;
  return names;
}();

const Type* find_type(std::string_view name) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const Type& type) { return type.name == name; });
  return found == kTypes.end() ? nullptr : &*found;
}

Result<Plugin> make(const Type& type, const PluginSpec& spec, const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(
      Fields parameters,
      Fields::of_optional(spec.parameters, fmt::format("plugin {}: parameters", spec.name), file));
  return type.make(parameters);
}

/// Makes each plugin once, when it is first referred to.
class Plugins {
 public:
  explicit Plugins(std::span<const PluginSpec> specs) : specs_(specs) {}

  /// The plugin that `key` refers to, `fallback` when absent, and its name. `what` says in errors
  /// what it must be.
  template <typename T>
  Result<T> get(Fields& fields, std::string_view key, std::string_view fallback, T Plugin::* kind,
                std::string_view what, std::string& name) {
    LLMD_ASSIGN_OR_RETURN(name, fields.text(key, std::string(fallback)));
    LLMD_ASSIGN_OR_RETURN(const Plugin plugin, find(fields, key, name));
    if (plugin.*kind) return plugin.*kind;
    return fields.error(key, fmt::format("{} is no {}", name, what));
  }

 private:
  Result<Plugin> find(const Fields& fields, std::string_view key, const std::string& name) {
    const auto known = made_.find(name);
    if (known != made_.end()) return known->second;
    const auto spec = std::find_if(specs_.begin(), specs_.end(),
                                   [&](const PluginSpec& each) { return each.name == name; });
    const PluginSpec plain{.name = name, .type = name, .parameters = {}};
    const PluginSpec& chosen = spec == specs_.end() ? plain : *spec;
    const Type* const type = find_type(chosen.type);
    if (type == nullptr && spec == specs_.end()) return unknown(fields, key, name);
    if (type == nullptr) return fields.error(key, name + " is no plugin of flow control");
    LLMD_ASSIGN_OR_RETURN(Plugin plugin, make(*type, chosen, fields.file()));
    made_.emplace(name, plugin);
    return plugin;
  }

  Error unknown(const Fields& fields, std::string_view key, const std::string& name) const {
    std::vector<std::string> names(kTypeNames.begin(), kTypeNames.end());
    for (const PluginSpec& spec : specs_) names.push_back(spec.name);
    const auto nearest = nearest_word(name, names);
    return fields.error(key, fmt::format("there is no plugin {}{}", name,
                                         nearest ? "; did you mean " + *nearest + "?" : ""));
  }

  std::span<const PluginSpec> specs_;
  std::map<std::string, Plugin, std::less<>> made_;
};

/// All members but `priority`; what is absent stays as in upstream's defaults.
Result<BandConfig> read_band(Fields& fields, Plugins& plugins) {
  BandConfig band;
  LLMD_ASSIGN_OR_RETURN(band.bytes_max, read_quantity(fields, "maxBytes", band.bytes_max));
  LLMD_ASSIGN_OR_RETURN(band.requests_max, read_quantity(fields, "maxRequests", band.requests_max));
  LLMD_ASSIGN_OR_RETURN(band.fairness,
                        plugins.get(fields, "fairnessPolicyRef", "global-strict-fairness-policy",
                                    &Plugin::fairness, "fairness policy", band.fairness_name));
  LLMD_ASSIGN_OR_RETURN(band.ordering,
                        plugins.get(fields, "orderingPolicyRef", "fcfs-ordering-policy",
                                    &Plugin::ordering, "ordering policy", band.ordering_name));
  return band;
}

/// The band under `key`, a template for priorities without one.
Result<BandConfig> read_template(Fields& flow_control, std::string_view key, Plugins& plugins) {
  LLMD_ASSIGN_OR_RETURN(Fields fields, flow_control.map(key));
  fields.find("priority");  // upstream's type has it, and ignores it here
  LLMD_ASSIGN_OR_RETURN(BandConfig band, read_band(fields, plugins));
  LLMD_RETURN_IF_ERROR(fields.done());
  return band;
}

Result<void> read_bands(Fields& flow_control, Plugins& plugins, Config& config) {
  const resources::YamlNode* const list = flow_control.find("priorityBands");
  if (list == nullptr) return {};
  if (list->kind != resources::YamlNode::Kind::kSequence) {
    return flow_control.error("priorityBands", "must be a list");
  }
  for (const resources::YamlNode& item : list->items) {
    LLMD_ASSIGN_OR_RETURN(Fields fields,
                          Fields::of(item, "flowControl.priorityBands", flow_control.file()));
    LLMD_ASSIGN_OR_RETURN(const int32_t priority, read_priority(fields, "priority"));
    LLMD_ASSIGN_OR_RETURN(BandConfig band, read_band(fields, plugins));
    LLMD_RETURN_IF_ERROR(fields.done());
    if (!config.bands.emplace(priority, std::move(band)).second) {
      return fields.error("priority", "there is a band of this priority already");
    }
  }
  return {};
}

Result<void> read_policies(Fields& flow_control, Plugins& plugins, Config& config) {
  LLMD_ASSIGN_OR_RETURN(
      config.usage_limit,
      plugins.get(flow_control, "usageLimitPolicyPluginRef", "static-usage-limit-policy",
                  &Plugin::usage_limit, "usage limit policy", config.usage_limit_name));
  LLMD_ASSIGN_OR_RETURN(Fields detector, flow_control.map("saturationDetector"));
  LLMD_ASSIGN_OR_RETURN(
      config.detector, plugins.get(detector, "pluginRef", "utilization-detector", &Plugin::detector,
                                   "saturation detector", config.detector_name));
  LLMD_RETURN_IF_ERROR(detector.done());
  LLMD_ASSIGN_OR_RETURN(config.evicts_running, flow_control.boolean("enableEviction", false));
  return {};
}

}  // namespace

std::span<const std::string_view> plugin_types() { return kTypeNames; }

Result<void> check_plugin(const PluginSpec& spec, const std::string& file) {
  const Type* const type = find_type(spec.type);
  if (type == nullptr) return not_found(spec.type + " is no plugin of flow control");
  LLMD_RETURN_IF_ERROR(make(*type, spec, file));
  return {};
}

Result<Config> parse_config(Fields& flow_control, std::span<const PluginSpec> specs) {
  Config config;
  Plugins plugins(specs);
  LLMD_ASSIGN_OR_RETURN(config.bytes_max, read_quantity(flow_control, "maxBytes", kUnlimited));
  LLMD_ASSIGN_OR_RETURN(config.requests_max,
                        read_quantity(flow_control, "maxRequests", kUnlimited));
  LLMD_ASSIGN_OR_RETURN(config.request_ttl,
                        read_duration(flow_control, "defaultRequestTTL", config.request_ttl));
  LLMD_ASSIGN_OR_RETURN(config.no_endpoint_ttl,
                        read_duration(flow_control, "noEndpointRequestTTL", config.request_ttl));
  LLMD_ASSIGN_OR_RETURN(config.default_band,
                        read_template(flow_control, "defaultPriorityBand", plugins));
  const bool has_negative = flow_control.find("defaultNegativePriorityBand") != nullptr;
  LLMD_ASSIGN_OR_RETURN(
      config.default_negative_band,
      read_template(flow_control,
                    has_negative ? "defaultNegativePriorityBand" : "defaultPriorityBand", plugins));
  LLMD_RETURN_IF_ERROR(read_bands(flow_control, plugins, config));
  LLMD_RETURN_IF_ERROR(read_policies(flow_control, plugins, config));
  LLMD_RETURN_IF_ERROR(flow_control.done());
  return config;
}

}  // namespace llmd::flow
