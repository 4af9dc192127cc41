// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <utility>

#include "schedule/pickers/endpoints_max.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// Draws without looking at scores, or in proportion to them: the largest of U^(1 / score) wins
/// (Efraimidis and Spirakis 2006, A-Res).
class RandomPicker final : public Picker {
 public:
  RandomPicker(size_t endpoints_max, bool weighted)
      : endpoints_max_(endpoints_max), weighted_(weighted) {}

  size_t pick(std::span<Candidate> candidates, Random& random) override {
    keys_.clear();
    for (const Candidate& candidate : candidates) {
      keys_.push_back(key(weighted_ ? candidate.score : 1, random));
    }
    const size_t count = std::min(endpoints_max_, candidates.size());
    for (size_t i = 0; i < count; ++i) {
      const auto best =
          std::max_element(keys_.begin() + static_cast<std::ptrdiff_t>(i), keys_.end());
      const auto at = static_cast<size_t>(best - keys_.begin());
      std::swap(keys_[i], keys_[at]);
      std::swap(candidates[i], candidates[at]);
    }
    return count;
  }

 private:
  /// log(U) / weight orders as U^(1 / weight) does, and does not underflow.
  static double key(double weight, Random& random) {
    constexpr double kWeightMin = 1e-9;
    return std::log1p(-random.next_unit()) / std::max(weight, kWeightMin);
  }

  size_t endpoints_max_;
  bool weighted_;
  std::vector<double> keys_;  ///< scratch
};

}  // namespace

Made make_random_picker(resources::Fields& parameters, Registry&) {
  LLMD_ASSIGN_OR_RETURN(const size_t endpoints_max, read_endpoints_max(parameters));
  return make_plugin<RandomPicker>(endpoints_max, false);
}

Made make_weighted_random_picker(resources::Fields& parameters, Registry&) {
  LLMD_ASSIGN_OR_RETURN(const size_t endpoints_max, read_endpoints_max(parameters));
  return make_plugin<RandomPicker>(endpoints_max, true);
}

}  // namespace llmd::schedule
