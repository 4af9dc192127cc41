// SPDX-License-Identifier: Apache-2.0
// Random whole numbers as inference-perf's `Distribution` describes them.
#pragma once

#include <cstdint>

#include "base/random.h"

namespace llmd::bench {

struct Distribution {
  enum class Type : uint8_t { kFixed, kNormal, kLognormal, kUniform, kPoisson };

  Type type = Type::kNormal;
  double min = 10;
  double max = 1024;
  double mean = 512;     ///< of the values themselves, also for kLognormal; kUniform ignores it
  double std_dev = 200;  ///< likewise

  static Distribution fixed(double value);
  bool operator==(const Distribution&) const = default;
};

/// One value, not below `min` and not above `max` (what falls outside is moved to the bound, as
/// numpy's clip does upstream). kFixed gives `mean`.
double sample(const Distribution& distribution, Random& random);
/// The same, rounded to a whole number.
uint32_t sample_count(const Distribution& distribution, Random& random);

}  // namespace llmd::bench
