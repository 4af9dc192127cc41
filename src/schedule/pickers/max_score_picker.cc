// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "schedule/pickers/endpoints_max.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// Highest score first; equal ones in an order drawn anew each time.
class MaxScorePicker final : public Picker {
 public:
  explicit MaxScorePicker(size_t endpoints_max) : endpoints_max_(endpoints_max) {}

  size_t pick(std::span<Candidate> candidates, Random& random) override {
    const size_t count = std::min(endpoints_max_, candidates.size());
    for (size_t i = 0; i < count; ++i) {
      std::swap(candidates[i], candidates[i + best(candidates.subspan(i), random)]);
    }
    return count;
  }

 private:
  static size_t best(std::span<const Candidate> candidates, Random& random) {
    size_t best = 0;
    uint64_t equals = 1;
    for (size_t i = 1; i < candidates.size(); ++i) {
      if (candidates[i].score < candidates[best].score) continue;
      equals = candidates[i].score > candidates[best].score ? 1 : equals + 1;
      if (random.below(equals) == 0) best = i;
    }
    return best;
  }

  size_t endpoints_max_;
};

}  // namespace

Made make_max_score_picker(resources::Fields& parameters, Registry&) {
  LLMD_ASSIGN_OR_RETURN(const size_t endpoints_max, read_endpoints_max(parameters));
  return make_plugin<MaxScorePicker>(endpoints_max);
}

}  // namespace llmd::schedule
