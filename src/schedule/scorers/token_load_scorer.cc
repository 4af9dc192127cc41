// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// 1 for an endpoint without tokens in flight, falling to 0 at `threshold` of them.
class TokenLoadScorer final : public Scorer {
 public:
  explicit TokenLoadScorer(double threshold) : threshold_(threshold) {}

  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      const auto tokens = static_cast<double>(candidates[i].endpoint->live.in_flight_tokens);
      scores[i] = 1 - std::min(1.0, tokens / threshold_);
    }
  }

 private:
  double threshold_;
};

}  // namespace

Made make_token_load_scorer(resources::Fields& parameters, Registry& registry) {
  constexpr uint32_t kDefault = 4'194'304;
  LLMD_ASSIGN_OR_RETURN(const uint32_t threshold,
                        parameters.number("queueThresholdTokens", kDefault, UINT32_MAX));
  if (threshold == 0) return parameters.error("queueThresholdTokens", "must be above 0");
  LLMD_RETURN_IF_ERROR(registry.read_load_producer(parameters));
  return make_plugin<TokenLoadScorer>(threshold);
}

}  // namespace llmd::schedule
