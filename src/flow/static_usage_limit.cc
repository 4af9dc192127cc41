// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "flow/usage_limit.h"

namespace llmd::flow {
namespace {

constexpr double kThresholdMax = 1000;

class StaticUsageLimit final : public UsageLimitPolicy {
 public:
  explicit StaticUsageLimit(double threshold) : threshold_(threshold) {}

  void limit(double /*saturation*/, std::span<const int32_t> /*priorities*/,
             std::span<double> ceilings) override {
    std::fill(ceilings.begin(), ceilings.end(), threshold_);
  }

 private:
  const double threshold_;
};

}  // namespace

MadeUsageLimit make_static_usage_limit(resources::Fields& parameters) {
  LLMD_ASSIGN_OR_RETURN(const double threshold, parameters.decimal("threshold", 1, kThresholdMax));
  LLMD_RETURN_IF_ERROR(parameters.done());
  return {std::make_shared<StaticUsageLimit>(threshold)};
}

}  // namespace llmd::flow
