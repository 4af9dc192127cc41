// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "flow/usage_limit.h"

namespace llmd::flow {
namespace {

constexpr double kPeriodMax = 1e9;

class SoftReflectiveCeiling final : public UsageLimitPolicy {
 public:
  void limit(double saturation, std::span<const int32_t> /*priorities*/,
             std::span<double> ceilings) override {
    const double open = is_open(saturation) ? 1 : 0;
    const double steps = static_cast<double>(ceilings.size()) - 1;
    for (size_t i = 0; i < ceilings.size(); ++i) {
      const bool below = i == 0 || saturation < 1 - static_cast<double>(i) * saturation / steps;
      ceilings[i] = below ? 1 : open;
    }
  }

 private:
  /// Whether the bands past their ceilings may send this once. One counter for all of them: else a
  /// lower one would be open only while a higher one blocks it.
  bool is_open(double saturation) {
    const bool alternates = saturation >= 1 - saturation && saturation < 1;
    if (!alternates) return false;
    const double period = std::round(saturation / (1 - saturation));
    return ++attempts_ % static_cast<uint64_t>(std::clamp(period, 1.0, kPeriodMax)) == 0;
  }

  uint64_t attempts_ = 0;
};

}  // namespace

MadeUsageLimit make_soft_reflective_ceiling(resources::Fields& parameters) {
  LLMD_RETURN_IF_ERROR(parameters.done());
  return {std::make_shared<SoftReflectiveCeiling>()};
}

}  // namespace llmd::flow
