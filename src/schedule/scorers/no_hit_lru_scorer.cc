// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// Spreads prompts that nobody has cached: the endpoint that got such a one longest ago, or never,
/// scores 1, the one that got the last scores 0. Other prompts are not its concern: 0.5 for all.
class NoHitLruScorer final : public Scorer {
 public:
  explicit NoHitLruScorer(PrefixProducer& prefixes) : prefixes_(prefixes) {}

  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    constexpr double kNeutral = 0.5;
    is_cold_ = std::ranges::all_of(candidates, [this](const Candidate& each) {
      return prefixes_.matched_tokens(each.endpoint->slot) == 0;
    });
    std::ranges::fill(scores, kNeutral);
    if (!is_cold_ || candidates.size() < 2) return;
    sorted_.clear();
    for (const Candidate& each : candidates) sorted_.push_back(last_use(each.endpoint->slot));
    std::ranges::sort(sorted_);
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = rank(last_use(candidates[i].endpoint->slot));
    }
  }
  void placed(const Query&, const endpoints::Endpoint& endpoint) override {
    if (!is_cold_) return;
    last_use(endpoint.slot) = ++uses_;
  }
  void forget(uint32_t slot) override { last_use(slot) = 0; }

 private:
  /// The share of the other candidates that were used after this one.
  double rank(uint64_t used) const {
    if (used == 0) return 1;
    const auto later = sorted_.end() - std::ranges::upper_bound(sorted_, used);
    return static_cast<double>(later) / static_cast<double>(sorted_.size() - 1);
  }
  uint64_t& last_use(uint32_t slot) {
    if (slot >= last_uses_.size()) last_uses_.resize(slot + 1);
    return last_uses_[slot];
  }

  PrefixProducer& prefixes_;
  bool is_cold_ = false;  ///< of the last request
  uint64_t uses_ = 0;
  std::vector<uint64_t> last_uses_;  ///< by slot; 0: never
  std::vector<uint64_t> sorted_;     ///< scratch: of the candidates
};

}  // namespace

Made make_no_hit_lru_scorer(resources::Fields& parameters, Registry& registry) {
  // Upstream's bound on how many endpoints it remembers; here each has its place anyway.
  constexpr uint32_t kLruSize = 1024;
  LLMD_RETURN_IF_ERROR(parameters.number("lruSize", kLruSize, UINT32_MAX));
  LLMD_ASSIGN_OR_RETURN(PrefixProducer* const prefixes, registry.read_prefix_producer(parameters));
  return make_plugin<NoHitLruScorer>(*prefixes);
}

}  // namespace llmd::schedule
