// SPDX-License-Identifier: Apache-2.0
// Time that runs faster or slower than the clock under it, for demonstrations.
#pragma once

#include <utility>

#include "base/call_after.h"

namespace llmd {

/// `factor` seconds pass for each second of `base`, which outlives it; factor > 0.
class ScaledClock final : public Clock {
 public:
  ScaledClock(const Clock& base, double factor)
      : base_(base), factor_(factor), origin_(base.now()) {}

  TimePoint now() const override {
    const auto passed = static_cast<double>((base_.now() - origin_).count());
    return origin_ + Duration(static_cast<Duration::rep>(passed * factor_));
  }

 private:
  const Clock& base_;
  double factor_;
  TimePoint origin_;
};

/// Delays on a ScaledClock of that factor, from `call_after` on the clock under it.
inline CallAfter scale_delays(CallAfter call_after, double factor) {
  return [call_after = std::move(call_after), factor](Duration after, std::function<void()> work) {
    const double real = static_cast<double>(after.count()) / factor;
    call_after(Duration(static_cast<Duration::rep>(real)), std::move(work));
  };
}

}  // namespace llmd
