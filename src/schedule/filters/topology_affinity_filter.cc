// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"
#include "schedule/topology.h"

namespace llmd::schedule {
namespace {

/// Keeps endpoints near the one that an earlier profile chose, where it knows of any.
class TopologyAffinityFilter final : public Filter {
 public:
  TopologyAffinityFilter(const Topology& topology, Level farthest)
      : topology_(topology), farthest_(farthest) {}

  void apply(const Query& query, Candidates& candidates) override {
    if (query.peer == nullptr || !topology_.knows(*query.peer)) return;
    const auto is_far = [&](const Candidate& each) {
      const auto level = topology_.shared(*each.endpoint, *query.peer);
      return !level || *level > farthest_;
    };
    if (std::ranges::all_of(candidates, is_far)) return;
    std::erase_if(candidates, is_far);
  }

 private:
  const Topology& topology_;
  const Level farthest_;
};

}  // namespace

Made make_topology_affinity_filter(resources::Fields& parameters, Registry& registry) {
  constexpr std::string_view kUnbuilt[] = {"peerTopologyHeader"};
  LLMD_RETURN_IF_ERROR(parameters.refuse_unbuilt(kUnbuilt));
  LLMD_ASSIGN_OR_RETURN(const std::string name, parameters.text("minAffinity", "host"));
  const auto* const level = std::ranges::find(kLevelNames, name);
  if (level == kLevelNames.end()) {
    return parameters.error("minAffinity", "must be host, rack, zone or region");
  }
  LLMD_ASSIGN_OR_RETURN(const Topology* topology, Topology::read(parameters, registry));
  return make_plugin<TopologyAffinityFilter>(*topology,
                                             static_cast<Level>(level - kLevelNames.begin()));
}

}  // namespace llmd::schedule
