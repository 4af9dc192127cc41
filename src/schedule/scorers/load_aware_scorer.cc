// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// 0.5 where nothing waits, falling to 0 at `threshold` waiting requests.
class LoadAwareScorer final : public Scorer {
 public:
  explicit LoadAwareScorer(double threshold) : threshold_(threshold) {}

  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    constexpr double kIdle = 0.5;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const double waiting = candidates[i].endpoint->live.presumed().waiting;
      scores[i] = kIdle * (1 - std::min(waiting, threshold_) / threshold_);
    }
  }

 private:
  double threshold_;
};

}  // namespace

Made make_load_aware_scorer(resources::Fields& parameters, Registry&) {
  constexpr uint32_t kDefault = 128;
  constexpr uint32_t kMax = 1'000'000'000;
  LLMD_ASSIGN_OR_RETURN(const uint32_t threshold, parameters.number("threshold", kDefault, kMax));
  if (threshold == 0) return parameters.error("threshold", "must be above 0");
  return make_plugin<LoadAwareScorer>(threshold);
}

}  // namespace llmd::schedule
