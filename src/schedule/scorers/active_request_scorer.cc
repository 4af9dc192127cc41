// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// 1 up to `idle_threshold` requests, else (max - active) / max of at most `max_busy_score`.
class ActiveRequestScorer final : public Scorer {
 public:
  ActiveRequestScorer(double idle_threshold, double max_busy_score)
      : idle_threshold_(idle_threshold), max_busy_score_(max_busy_score) {}

  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = candidates[i].endpoint->live.active_requests();
    }
    const double max = std::ranges::max(scores);
    for (double& score : scores) {
      score = score <= idle_threshold_ ? 1 : (max - score) / max * max_busy_score_;
    }
  }

 private:
  double idle_threshold_;
  double max_busy_score_;
};

}  // namespace

Made make_active_request_scorer(resources::Fields& parameters, Registry& registry) {
  constexpr uint32_t kMax = 1'000'000'000;
  LLMD_ASSIGN_OR_RETURN(const uint32_t idle, parameters.number("idleThreshold", 0, kMax));
  LLMD_ASSIGN_OR_RETURN(const double busy, parameters.decimal("maxBusyScore", 1, 1));
  LLMD_RETURN_IF_ERROR(registry.read_load_producer(parameters));
  return make_plugin<ActiveRequestScorer>(idle, busy);
}

}  // namespace llmd::schedule
