// SPDX-License-Identifier: Apache-2.0
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

class MaxScorePicker final : public Picker {
 public:
  endpoints::Endpoint* pick(std::span<const Candidate> candidates, Random& random) const override {
    const Candidate* best = candidates.data();
    uint64_t equals = 1;
    for (const Candidate& candidate : candidates.subspan(1)) {
      if (candidate.score < best->score) continue;
      equals = candidate.score > best->score ? 1 : equals + 1;
      if (random.below(equals) == 0) best = &candidate;
    }
    return best->endpoint;
  }
};

}  // namespace

std::unique_ptr<Picker> make_max_score_picker() { return std::make_unique<MaxScorePicker>(); }

}  // namespace llmd::schedule
