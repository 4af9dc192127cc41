// SPDX-License-Identifier: Apache-2.0
#include "bench/workload/distribution.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace llmd::bench {
namespace {

/// In (0, 1]: has a logarithm.
double positive_unit(Random& random) { return 1.0 - random.next_unit(); }

/// Box and Muller, 1958.
double standard_normal(Random& random) {
  const double radius = std::sqrt(-2.0 * std::log(positive_unit(random)));
  return radius * std::cos(2.0 * std::numbers::pi * random.next_unit());
}

/// The normal distribution whose exponential has that mean and deviation.
double lognormal(double mean, double std_dev, Random& random) {
  if (mean <= 0) return 0;
  const double variance = std::log1p((std_dev * std_dev) / (mean * mean));
  const double location = std::log(mean) - variance / 2;
  return std::exp(location + std::sqrt(variance) * standard_normal(random));
}

/// Arrivals of rate 1 within `mean`; where that takes long, the normal distribution is as good.
double poisson(double mean, Random& random) {
  constexpr double kCountedMax = 500;
  if (mean > kCountedMax) return std::round(mean + std::sqrt(mean) * standard_normal(random));
  double count = -1;
  for (double passed = 0; passed <= mean; ++count) passed -= std::log(positive_unit(random));
  return count;
}

double unbounded(const Distribution& from, Random& random) {
  switch (from.type) {
    case Distribution::Type::kNormal:
      return from.mean + from.std_dev * standard_normal(random);
    case Distribution::Type::kLognormal:
      return lognormal(from.mean, from.std_dev, random);
    case Distribution::Type::kUniform:
      return from.min + (from.max - from.min) * random.next_unit();
    case Distribution::Type::kPoisson:
      return poisson(from.mean, random);
    case Distribution::Type::kFixed:
      break;
  }
  return from.mean;
}

}  // namespace

Distribution Distribution::fixed(double value) {
  return {.type = Type::kFixed, .min = value, .max = value, .mean = value, .std_dev = 0};
}

double sample(const Distribution& distribution, Random& random) {
  const double value = unbounded(distribution, random);
  if (distribution.type == Distribution::Type::kFixed) return value;
  return std::clamp(value, distribution.min, distribution.max);
}

uint32_t sample_count(const Distribution& distribution, Random& random) {
  if (distribution.type == Distribution::Type::kUniform) {
    const auto low = static_cast<uint64_t>(distribution.min);
    const auto high = static_cast<uint64_t>(distribution.max);
    return static_cast<uint32_t>(low + random.below(high - low + 1));
  }
  return static_cast<uint32_t>(std::lround(std::max(sample(distribution, random), 0.0)));
}

}  // namespace llmd::bench
