// SPDX-License-Identifier: Apache-2.0
#include "schedule/plugins.h"
#include "schedule/topology.h"

namespace llmd::schedule {
namespace {

/// By Level: how fast a KV cache travels over such a distance, as upstream sees it.
constexpr double kScores[] = {1, 0.2, 0.05, 0.02};

/// Rates endpoints by how near they are to the one that an earlier profile chose.
class TopologyAffinityScorer final : public Scorer {
 public:
  explicit TopologyAffinityScorer(const Topology& topology) : topology_(topology) {}

  void score(const Query& query, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = query.peer == nullptr ? 0 : nearness(*candidates[i].endpoint, *query.peer);
    }
  }

 private:
  double nearness(const endpoints::Endpoint& endpoint, const endpoints::Endpoint& peer) const {
    const auto level = topology_.shared(endpoint, peer);
    return level ? kScores[static_cast<size_t>(*level)] : 0;
  }

  const Topology& topology_;
};

}  // namespace

Made make_topology_affinity_scorer(resources::Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(const Topology* topology, Topology::read(parameters, registry));
  return make_plugin<TopologyAffinityScorer>(*topology);
}

}  // namespace llmd::schedule
