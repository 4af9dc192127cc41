// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "bench/report/text_table.h"
#include "flow/config.h"
#include "inspect/describe.h"
#include "inspect/text.h"
#include "observe/metrics.h"
#include "request/routing_config.h"
#include "request/tokenizers.h"
#include "resources/quantity.h"
#include "schedule/scheduler.h"

namespace llmd::inspect {
namespace {

using resources::EndpointPickerConfig;
using resources::PluginSpec;
using resources::YamlNode;
using schedule::Plugin;
using schedule::Registry;

constexpr size_t kIndent = 12;

/// Its name; its type where that is another; its parameters; and whether nobody asked for it.
std::string name_plugin(std::string_view name, const EndpointPickerConfig& config) {
  std::string out(name);
  const auto spec = std::ranges::find(config.plugins, name, &PluginSpec::name);
  if (spec == config.plugins.end()) return out + " (default)";
  if (spec->type != spec->name) out += " (" + spec->type + ")";
  if (spec->parameters.kind != YamlNode::Kind::kMap) return out;
  for (const auto& [key, value] : spec->parameters.members) {
    out += fmt::format(" {}={}", key.scalar, resources::print_yaml(value));
  }
  return out;
}

std::string line(std::string_view role, std::string_view text) {
  return wrap(fmt::format("  {:<8}  ", role), kIndent, words_of(text));
}

template <typename Kind>
std::string lines_of(std::string_view role, const Registry& registry,
                     const EndpointPickerConfig& config) {
  std::string out;
  for (const Kind* plugin : registry.all<Kind>()) {
    out += line(role, name_plugin(registry.name_of(*plugin), config));
  }
  return out;
}

double weight_of(std::string_view name, const resources::SchedulingProfile& profile) {
  return std::ranges::find(profile.plugins, name, &resources::ProfilePlugin::plugin)->weight;
}

/// Filters, scorers, picker: the order in which they work, whatever the order in the file.
std::string describe_profile(const schedule::Profile& profile, const Registry& registry,
                             const resources::SchedulingProfile& written,
                             const EndpointPickerConfig& config) {
  std::string filters;
  std::string scorers;
  std::string picker;
  for (const Plugin* plugin : profile.plugins()) {
    const std::string_view name = registry.name_of(*plugin);
    const std::string text = name_plugin(name, config);
    if (dynamic_cast<const schedule::Filter*>(plugin) != nullptr) {
      filters += line("  filter", text);
    }
    if (dynamic_cast<const schedule::Scorer*>(plugin) != nullptr) {
      scorers += line("  scorer", fmt::format("{:g} x {}", weight_of(name, written), text));
    }
    if (dynamic_cast<const schedule::Picker*>(plugin) != nullptr) {
      picker += line("  picker", text);
    }
  }
  return fmt::format("  profile   {}\n", bench::printable(written.name, kColumns)) + filters +
         scorers + picker;
}

std::string describe_bound(uint64_t bound) {
  return bound == flow::kUnlimited ? "any" : bench::format_count(bound);
}

/// In the unit that it was most likely written in.
std::string describe_bytes(uint64_t bytes) {
  constexpr uint64_t kGiga = 1'000'000'000;
  if (bytes == flow::kUnlimited) return "any";
  return bytes % kGiga == 0 ? fmt::format("{}G", bytes / kGiga)
                            : resources::print_memory_bytes(bytes);
}

std::string describe_ttl(Duration ttl) {
  return ttl == Duration::zero() ? "as long as it takes" : fmt::format("{:g} s", to_seconds(ttl));
}

/// Without the end that upstream's names of policies have in common: a table has little room.
std::string short_name(const std::string& policy) {
  constexpr std::string_view kEnd = "-policy";
  return policy.ends_with(kEnd) ? policy.substr(0, policy.size() - kEnd.size()) : policy;
}

std::string describe_bands(const flow::Config& flow) {
  bench::TextTable table(1);
  table.row({"PRIORITY", "REQUESTS", "BYTES", "FAIRNESS", "ORDER"});
  const auto add = [&](std::string_view priority, const flow::BandConfig& band) {
    table.row({std::string(priority), describe_bound(band.requests_max),
               describe_bytes(band.bytes_max), short_name(band.fairness_name),
               short_name(band.ordering_name)});
  };
  for (auto i = flow.bands.rbegin(); i != flow.bands.rend(); ++i) {
    add(std::to_string(i->first), i->second);
  }
  add(flow.bands.empty() ? "from 0" : "others", flow.default_band);
  add("below 0", flow.default_negative_band);
  return indented(table.text(), 4);
}

Result<std::string> describe_flow(const EndpointPickerConfig& config) {
  LLMD_ASSIGN_OR_RETURN(auto fields,
                        resources::Fields::of_optional(config.flow, "flowControl", config.file));
  LLMD_ASSIGN_OR_RETURN(const flow::Config flow, flow::parse_config(fields, config.plugins));
  if (!config.flow_control) {
    return std::string("  flow control off: who finds no endpoint free waits in an engine\n");
  }
  std::string out = fmt::format(
      "  flow control: {} requests and {} bytes may wait\n"
      "    wait    {}; without any endpoint {}\n",
      describe_bound(flow.requests_max), describe_bytes(flow.bytes_max),
      describe_ttl(flow.request_ttl), describe_ttl(flow.no_endpoint_ttl));
  out += line("  gauge", name_plugin(flow.detector_name, config));
  out += line("  limit", name_plugin(flow.usage_limit_name, config));
  if (flow.evicts_running) out += "    evicts  running requests of negative priority\n";
  return out + describe_bands(flow);
}

/// Reads its files, as the gateway will.
std::string describe_tokenizer(const std::string& path) {
  observe::Registry registry;
  const auto loaded = request::Tokenizers(registry, {}, 0).load(path);
  if (!loaded) {
    return line("warning",
                "prompts are placed by their bytes, not their tokens: " + loaded.error().message);
  }
  std::string out = line(
      "tokens", fmt::format("{}, {} in the vocabulary", path, (*loaded)->tokenizer->vocab_size()));
  for (const std::string& warning : (*loaded)->warnings) out += line("warning", warning);
  return out;
}

}  // namespace

Result<std::string> describe_tokenizer(const EndpointPickerConfig& config,
                                       const resources::ModelService& service) {
  LLMD_ASSIGN_OR_RETURN(const auto scheduler, schedule::Scheduler::make(config, 0));
  const bool is_named = !scheduler->tokenizer_path(service.model_name).empty();
  if (!scheduler->wants_token_keys() || is_named) return std::string();
  const std::string path = request::tokenizer_of(service);
  if (!path.empty()) return describe_tokenizer(path);
  return line("warning",
              "prompts are placed by their bytes, not their tokens: the service names no model "
              "directory");
}

Result<std::string> describe(const EndpointPickerConfig& config) {
  LLMD_ASSIGN_OR_RETURN(const auto scheduler, schedule::Scheduler::make(config, 0));
  const Registry& registry = scheduler->registry();
  std::string out = std::string(resources::kEndpointPickerConfigKind) + "\n";
  out += lines_of<schedule::ProfileHandler>("handler", registry, config);
  out += lines_of<schedule::Decider>("decider", registry, config);
  out += lines_of<schedule::Admitter>("admitter", registry, config);
  out += lines_of<schedule::Producer>("producer", registry, config);
  for (const PluginSpec& spec : config.plugins) {
    if (spec.type != schedule::kCoreMetricsExtractor) continue;
    out += line("metrics", name_plugin(spec.name, config));
  }
  for (size_t i = 0; i < config.profiles.size(); ++i) {
    out += describe_profile(scheduler->profiles()[i], registry, config.profiles[i], config);
  }
  LLMD_ASSIGN_OR_RETURN(const std::string flow, describe_flow(config));
  out += flow;
  const std::string tokenizer = scheduler->tokenizer_path({});
  if (!tokenizer.empty()) out += describe_tokenizer(tokenizer);
  for (const std::string& warning : scheduler->warnings()) out += line("warning", warning);
  return out;
}

}  // namespace llmd::inspect
