// SPDX-License-Identifier: Apache-2.0
// Usage limit policies: up to which saturation of the pool each priority may send.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "resources/fields.h"

namespace llmd::flow {

/// Loop thread only.
class UsageLimitPolicy {
 public:
  virtual ~UsageLimitPolicy() = default;
  /// Fills one ceiling for each of `priorities`, which descend. A band may send while the
  /// saturation is below its ceiling. Asked once for each attempt to send.
  virtual void limit(double saturation, std::span<const int32_t> priorities,
                     std::span<double> ceilings) = 0;
};

using MadeUsageLimit = Result<std::shared_ptr<UsageLimitPolicy>>;

/// The same ceiling for all.
MadeUsageLimit make_static_usage_limit(resources::Fields& parameters);
/// From maxCeiling for the highest priority down to minCeiling for the lowest, by rank or value.
MadeUsageLimit make_priority_holdback(resources::Fields& parameters);
/// Ceiling i of N is 1 - i * saturation / (N - 1); past it, one attempt of several is let through.
MadeUsageLimit make_soft_reflective_ceiling(resources::Fields& parameters);

}  // namespace llmd::flow
