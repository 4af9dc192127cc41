// SPDX-License-Identifier: Apache-2.0
#include "schedule/topology.h"

#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

constexpr std::string_view kType = "topology-extractor";

struct Parameter {
  std::string_view key;
  const char* label;
};
/// By Level.
constexpr Parameter kParameters[] = {
    {"hostname", "kubernetes.io/hostname"},
    {"rack", "topology.kubernetes.io/rack"},
    {"zone", "topology.kubernetes.io/zone"},
    {"region", "topology.kubernetes.io/region"},
};

}  // namespace

std::optional<Level> Topology::shared(const endpoints::Endpoint& one,
                                      const endpoints::Endpoint& other) const {
  for (size_t i = 0; i < labels_.size(); ++i) {
    const std::string_view place = one.label(labels_[i]);
    if (!place.empty() && place == other.label(labels_[i])) return static_cast<Level>(i);
  }
  return std::nullopt;
}

bool Topology::knows(const endpoints::Endpoint& endpoint) const {
  return std::ranges::any_of(
      labels_, [&](const std::string& label) { return !endpoint.label(label).empty(); });
}

Result<Topology*> Topology::read(resources::Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(const std::string name, parameters.text("topologyProducerName", ""));
  if (!name.empty()) return registry.get<Topology>(name);
  return registry.get_by_type<Topology>(kType);
}

Made make_topology_extractor(resources::Fields& parameters, Registry&) {
  Topology::Labels labels;
  for (size_t i = 0; i < labels.size(); ++i) {
    LLMD_ASSIGN_OR_RETURN(labels[i], parameters.text(kParameters[i].key, kParameters[i].label));
  }
  return make_plugin<Topology>(std::move(labels));
}

}  // namespace llmd::schedule
