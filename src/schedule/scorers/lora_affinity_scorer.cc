// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// 1 where the adapter is active, 0.8 where one more may be, 0.6 where it is waited for, else 0.
class LoraAffinityScorer final : public Scorer {
 public:
  void score(const Query& query, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = affinity(query.model, candidates[i].endpoint->live.scrape);
    }
  }

 private:
  static double affinity(std::string_view adapter, const endpoints::Scrape& scrape) {
    constexpr double kFreePlace = 0.8;
    constexpr double kWaiting = 0.6;
    if (contains(scrape.active_adapters, adapter)) return 1;
    const size_t taken = scrape.active_adapters.size() + scrape.waiting_adapters.size();
    if (taken < scrape.adapters_max) return kFreePlace;
    return contains(scrape.waiting_adapters, adapter) ? kWaiting : 0;
  }
};

}  // namespace

Made make_lora_affinity_scorer(resources::Fields&, Registry&) {
  return make_plugin<LoraAffinityScorer>();
}

}  // namespace llmd::schedule
