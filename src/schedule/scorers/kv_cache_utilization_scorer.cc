// SPDX-License-Identifier: Apache-2.0
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// The free share of the KV cache.
class KvCacheUtilizationScorer final : public Scorer {
 public:
  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = 1 - candidates[i].endpoint->live.presumed().kv_usage;
    }
  }
};

}  // namespace

Made make_kv_cache_utilization_scorer(resources::Fields&, Registry&) {
  return make_plugin<KvCacheUtilizationScorer>();
}

}  // namespace llmd::schedule
