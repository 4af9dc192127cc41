// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// (max - value) / (max - min); 1 for all when equal.
class LowestFirstScorer final : public Scorer {
 public:
  using Value = double (*)(const endpoints::Live& live);
  explicit LowestFirstScorer(Value value) : value_(value) {}

  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    for (size_t i = 0; i < candidates.size(); ++i) scores[i] = value_(candidates[i].endpoint->live);
    const auto [low, high] = std::ranges::minmax_element(scores);
    const double min = *low;
    const double max = *high;
    for (double& score : scores) score = max > min ? (max - score) / (max - min) : 1;
  }

 private:
  Value value_;
};

}  // namespace

Made make_queue_scorer(resources::Fields&, Registry&) {
  return make_plugin<LowestFirstScorer>(
      [](const endpoints::Live& live) { return live.presumed().waiting; });
}

Made make_running_requests_size_scorer(resources::Fields&, Registry&) {
  return make_plugin<LowestFirstScorer>(
      [](const endpoints::Live& live) { return live.presumed().running; });
}

}  // namespace llmd::schedule
