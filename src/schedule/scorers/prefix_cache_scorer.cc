// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// (1 - w) × the share of the prompt that is cached there + w × the square of how much that is, in
/// units of `scale_tokens`.
class PrefixCacheScorer final : public Scorer {
 public:
  PrefixCacheScorer(PrefixProducer& prefixes, double length_weight, double scale_tokens)
      : prefixes_(prefixes), length_weight_(length_weight), scale_tokens_(scale_tokens) {}

  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    const double total = std::max<uint32_t>(prefixes_.total_tokens(), 1);
    for (size_t i = 0; i < candidates.size(); ++i) {
      const double matched = prefixes_.matched_tokens(candidates[i].endpoint->slot);
      const double length = std::min(1.0, matched / scale_tokens_);
      scores[i] = length_weight_ * length * length + (1 - length_weight_) * matched / total;
    }
  }

 private:
  PrefixProducer& prefixes_;
  double length_weight_;
  double scale_tokens_;
};

}  // namespace

Made make_prefix_cache_scorer(resources::Fields& parameters, Registry& registry) {
  constexpr uint32_t kScale = 8192;
  LLMD_ASSIGN_OR_RETURN(const double weight, parameters.decimal("matchLengthWeight", 0, 1));
  LLMD_ASSIGN_OR_RETURN(const uint32_t scale,
                        parameters.number("matchLengthScaleTokens", kScale, UINT32_MAX));
  if (scale == 0) return parameters.error("matchLengthScaleTokens", "must be above 0");
  LLMD_ASSIGN_OR_RETURN(PrefixProducer* const prefixes, registry.read_prefix_producer(parameters));
  return make_plugin<PrefixCacheScorer>(*prefixes, weight, scale);
}

}  // namespace llmd::schedule
