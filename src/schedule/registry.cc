// SPDX-License-Identifier: Apache-2.0
#include "schedule/registry.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "flow/config.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

using resources::Fields;
using resources::PluginSpec;

struct Kind {
  std::string_view type;
  Made (*make)(Fields& parameters, Registry& registry);
};

constexpr std::string_view kPreciseProducer = "precise-prefix-cache-producer";

/// Types and their aliases.
constexpr Kind kKinds[] = {
    {"label-selector-filter", make_label_selector_filter},
    {"by-label-selector", make_label_selector_filter},
    {"by-label", make_label_selector_filter},
    {"encode-filter", make_encode_filter},
    {"prefill-filter", make_prefill_filter},
    {"decode-filter", make_decode_filter},
    {"session-affinity-filter", make_session_affinity_filter},
    {"utilization-filter", make_utilization_filter},
    {"prefix-cache-affinity-filter", make_prefix_cache_affinity_filter},
    {"utilization-detector", make_utilization_detector_filter},
    {"concurrency-detector", make_concurrency_detector_filter},
    {"header-based-testing-filter", make_header_based_testing_filter},
    {"topology-affinity-filter", make_topology_affinity_filter},
    {"endpoint-attribute-filter", make_endpoint_attribute_filter},
    {"queue-scorer", make_queue_scorer},
    {"running-requests-size-scorer", make_running_requests_size_scorer},
    {"kv-cache-utilization-scorer", make_kv_cache_utilization_scorer},
    {"load-aware-scorer", make_load_aware_scorer},
    {"active-request-scorer", make_active_request_scorer},
    {"token-load-scorer", make_token_load_scorer},
    {"prefix-cache-scorer", make_prefix_cache_scorer},
    {"no-hit-lru-scorer", make_no_hit_lru_scorer},
    {"lora-affinity-scorer", make_lora_affinity_scorer},
    {"session-affinity-scorer", make_session_affinity_scorer},
    {"context-length-aware", make_context_length_aware_scorer},
    {"header-label-affinity-scorer", make_header_label_affinity_scorer},
    {"topology-affinity-scorer", make_topology_affinity_scorer},
    {"endpoint-attribute-scorer", make_endpoint_attribute_scorer},
    {"expected-ttft-scorer", make_expected_ttft_scorer},
    {"max-score-picker", make_max_score_picker},
    {"random-picker", make_random_picker},
    {"weighted-random-picker", make_weighted_random_picker},
    {"approx-prefix-cache-producer", make_approx_prefix_cache_producer},
    {kPreciseProducer, make_precise_prefix_cache_producer},
    {"precise-prefix-cache-scorer", make_precise_prefix_cache_scorer},
    {"burst-prefix-cache-producer", make_burst_prefix_cache_producer},
    {"topology-extractor", make_topology_extractor},
    {"core-metrics-extractor", make_core_metrics_extractor},
    {"agent-identity", make_agent_identity},
    {"inflight-load-producer", make_inflight_load_producer},
    {"token-producer", make_token_producer},
    {"tokenizer", make_token_producer},
    {"session-id-producer", make_session_id_producer},
    {"single-profile-handler", make_single_profile_handler},
    {"disagg-profile-handler", make_disagg_profile_handler},
    {"pd-profile-handler", make_pd_profile_handler},
    {"header-profile-handler", make_header_profile_handler},
    {"prefix-based-pd-decider", make_prefix_based_pd_decider},
    {"always-disagg-pd-decider", make_always_disagg_pd_decider},
    {"probabilistic-admitter", make_probabilistic_admitter},
};

/// Types that name what llmd does anyway; flow control's are known to flow/.
struct BuiltIn {
  std::string_view type;
  /// A parameter that may be given, if it says how things are: none may be changed.
  struct Fixed {
    std::string_view key;
    std::string_view value;
  } fixed[2] = {};
};
constexpr BuiltIn kBuiltIn[] = {
    {"openai-parser"},
    {"vllmhttp-parser"},
    {"metrics-data-source", {{"scheme", "http"}, {"path", "/metrics"}}},
    {"models-data-source", {{"scheme", "http"}, {"path", "/v1/models"}}},
    {"models-data-extractor"},
    {"endpoint-notification-source"},
};
/// Its parameters are read with the document's dataLayer, in resources/.
constexpr std::string_view kFileDiscovery = "file-discovery";

/// Upstream's types that this build lacks: refused by name, so that nobody searches for a typo.
constexpr std::string_view kNotYet[] = {
    "anthropic-parser",
    "vllmgrpc-parser",
    "sglanghttp-parser",
    "vertexai-parser",
    "passthrough-parser",
    "mm-embeddings-cache-producer",
    "mm-embeddings-cache-scorer",
    "p2p-source-producer",
    "predicted-latency-producer",
    "latency-scorer",
    "latency-slo-admitter",
    "slo-headroom-tier-filter",
    "always-disagg-multimodal-decider",
    "request-attribute-reporter",
    "disaggregatedset-rollout-screener",
    "dcgm-data-source",
    "dcgm-extractor",
    "k8s-notification-source",
    "disagg-headers-handler",
    "prefill-header-handler",
    "data-parallel-profile-handler",
    "multicluster-file-discovery",
};

bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

const BuiltIn* built_in_of(std::string_view type) {
  const auto* found = std::ranges::find(kBuiltIn, type, &BuiltIn::type);
  return found == std::end(kBuiltIn) ? nullptr : found;
}

Result<void> check_built_in(const BuiltIn& what, const PluginSpec& spec, const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(auto parameters,
                        Fields::of_optional(spec.parameters, spec.name + ".parameters", file));
  for (const auto& [key, value] : what.fixed) {
    if (key.empty()) continue;
    LLMD_ASSIGN_OR_RETURN(const std::string given, parameters.text(key, std::string(value)));
    if (given != value) {
      return parameters.error(key, fmt::format("cannot be changed: it is {} here", value));
    }
  }
  return parameters.done();
}

const Kind* kind_of(std::string_view type) {
  const auto* found = std::ranges::find(kKinds, type, &Kind::type);
  return found == std::end(kKinds) ? nullptr : found;
}

std::string hint(std::string_view type) {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.type);
  const auto flow = flow::plugin_types();
  for (const BuiltIn& each : kBuiltIn) names.emplace_back(each.type);
  names.emplace_back(kFileDiscovery);
  names.insert(names.end(), flow.begin(), flow.end());
  const auto nearest = nearest_word(type, names);
  return nearest ? fmt::format("; did you mean {}?", *nearest) : "";
}

}  // namespace

Registry::Registry(std::span<const PluginSpec> specs, std::string file, uint64_t seed,
                   const Registry* before)
    : specs_(specs), file_(std::move(file)), seed_(seed), before_(before) {}

const PluginSpec* Registry::spec_of(std::string_view name) const {
  const auto found = std::ranges::find(specs_, name, &PluginSpec::name);
  return found == specs_.end() ? nullptr : &*found;
}

std::string_view Registry::name_of_type(std::string_view type) const {
  const auto is_of_type = [&](const PluginSpec& spec) { return spec.type == type; };
  const auto found = std::ranges::find_if(specs_, is_of_type);
  return found == specs_.end() ? type : std::string_view(found->name);
}

Result<Plugin*> Registry::get_plugin(std::string_view name) {
  const auto found = std::ranges::find(instances_, name, &Instance::name);
  if (found != instances_.end()) return found->plugin.get();
  if (const PluginSpec* spec = spec_of(name)) return make(name, *spec);
  return make(name, {.name = std::string(name), .type = std::string(name), .parameters = {}});
}

Result<Plugin*> Registry::make(std::string_view name, const PluginSpec& spec) {
  const std::string place = fmt::format("{}:{}: ", file_, spec.line);
  if (contains(kNotYet, spec.type)) {
    return invalid_argument(place + "plugin type " + spec.type +
                            " is known, but this build cannot do it yet; leave it out");
  }
  const Kind* kind = kind_of(spec.type);
  if (kind == nullptr) {
    return not_found(place + "there is no plugin of type \"" + spec.type + "\" here" +
                     hint(spec.type));
  }
  if (std::ranges::find(making_, name) != making_.end()) {
    return invalid_argument(place + "plugin " + std::string(name) + " needs itself");
  }
  making_.emplace_back(name);
  LLMD_ASSIGN_OR_RETURN(auto parameters,
                        Fields::of_optional(spec.parameters, spec.name + ".parameters", file_));
  LLMD_ASSIGN_OR_RETURN(auto plugin, kind->make(parameters, *this));
  LLMD_RETURN_IF_ERROR(parameters.done());
  making_.pop_back();
  Instance& made = instances_.emplace_back(
      Instance{std::string(name), spec.type + print_yaml(spec.parameters), std::move(plugin)});
  if (auto outliving = find_outliving(made)) made.plugin = std::move(outliving);
  return made.plugin.get();
}

/// The earlier configuration's plugin that goes on as `made`.
std::shared_ptr<Plugin> Registry::find_outliving(const Instance& made) const {
  if (before_ == nullptr) return nullptr;
  for (const auto& [name, made_of, plugin] : before_->instances_) {
    if (name == made.name && made_of == made.made_of && plugin->outlives_configuration()) {
      return plugin;
    }
  }
  return nullptr;
}

std::string_view Registry::name_of(const Plugin& plugin) const {
  const auto is_it = [&](const Instance& each) { return each.plugin.get() == &plugin; };
  return std::ranges::find_if(instances_, is_it)->name;
}

Result<void> Registry::make_all() {
  for (const PluginSpec& spec : specs_) {
    if (spec.type == kFileDiscovery) continue;
    if (const BuiltIn* built_in = built_in_of(spec.type)) {
      LLMD_RETURN_IF_ERROR(check_built_in(*built_in, spec, file_));
      continue;
    }
    if (kind_of(spec.type) == nullptr && contains(flow::plugin_types(), spec.type)) {
      LLMD_RETURN_IF_ERROR(flow::check_plugin(spec, file_));
      continue;
    }
    const auto made = get_plugin(spec.name);
    if (!made) return made.error();
  }
  return {};
}

Result<PrefixProducer*> Registry::read_prefix_producer(Fields& parameters) {
  LLMD_ASSIGN_OR_RETURN(const std::string name, parameters.text("prefixMatchInfoProducerName", ""));
  if (!name.empty()) return get<PrefixProducer>(name);
  for (const PluginSpec& spec : specs_) {
    if (spec.type == kPreciseProducer) return get<PrefixProducer>(spec.name);
  }
  return get_by_type<PrefixProducer>("approx-prefix-cache-producer");
}

Result<void> Registry::read_load_producer(Fields& parameters) {
  LLMD_ASSIGN_OR_RETURN(const std::string name, parameters.text("inFlightLoadProducerName", ""));
  if (name.empty() || spec_of(name) != nullptr) return {};
  return parameters.error("inFlightLoadProducerName", "there is no plugin of this name");
}

Error Registry::wrong_kind(std::string_view name) const {
  const PluginSpec* spec = spec_of(name);
  return invalid_argument(fmt::format("{}:{}: plugin {} cannot be used in this place", file_,
                                      spec == nullptr ? 0 : spec->line, name));
}

}  // namespace llmd::schedule
