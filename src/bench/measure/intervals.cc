// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/intervals.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/random.h"

namespace llmd::bench {
namespace {

/// The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by
/// Lentz's method.
double beta_fraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300;
  constexpr int kTermsMax = 500;
  const auto away_from_zero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double result = d;
  for (int m = 1; m <= kTermsMax; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    for (const double term : {even, odd}) {
      d = 1 / away_from_zero(1 + term * d);
      c = away_from_zero(1 + term / c);
      result *= c * d;
    }
    if (std::abs(c * d - 1) < 1e-15) break;
  }
  return result;
}

/// The regularized incomplete beta function I_x(a, b).
double incomplete_beta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
  return 1 - front * beta_fraction(1 - x, b, a) / b;
}

/// P(T > t) for t ≥ 0.
double student_t_tail(double t, double freedom) {
  return incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Half the width of the interval around the mean.
double half_width(std::span<const double> values, double center) {
  const auto n = static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - center) * (value - center);
  const double standard_error = std::sqrt(squares / (n - 1) / n);
  return student_t_quantile((1 + kConfidence) / 2, n - 1) * standard_error;
}

double ratio_of_sums(std::span<const double> values, std::span<const double> base,
                     std::span<const size_t> picks) {
  double above = 0;
  double below = 0;
  for (const size_t i : picks) above += values[i], below += base[i];
  return above / below;
}

/// The percentile bootstrap. Draws in which the base vanishes count as infinitely high.
Interval bootstrap_ratio(std::span<const double> values, std::span<const double> base) {
  constexpr size_t kDraws = 2000;
  constexpr uint64_t kSeed = 20'261'127;
  std::vector<size_t> picks(values.size());
  std::iota(picks.begin(), picks.end(), size_t{0});
  const double estimate = ratio_of_sums(values, base, picks);
  Random random(kSeed);
  std::vector<double> ratios(kDraws);
  for (double& ratio : ratios) {
    for (size_t& pick : picks) pick = static_cast<size_t>(random.below(values.size()));
    ratio = ratio_of_sums(values, base, picks);
    if (std::isnan(ratio)) ratio = estimate;  // 0 / 0 says nothing
  }
  std::sort(ratios.begin(), ratios.end());
  const auto at = [&](double share) {
    return ratios[static_cast<size_t>(std::lround(share * (kDraws - 1)))];
  };
  return {estimate, at((1 - kConfidence) / 2), at((1 + kConfidence) / 2), values.size() > 1};
}

bool all_positive(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return value > 0; });
}

}  // namespace

double student_t_quantile(double p, double freedom) {
  LLMD_CHECK(p > 0 && p < 1 && freedom > 0);
  if (p < 0.5) return -student_t_quantile(1 - p, freedom);
  double low = 0;
  double high = 1;
  while (student_t_tail(high, freedom) > 1 - p) high *= 2;
  for (int i = 0; i < 200 && low < high; ++i) {  // ends when no double lies between
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) break;
    (student_t_tail(middle, freedom) > 1 - p ? low : high) = middle;
  }
  return high;
}

Interval mean_interval(std::span<const double> values) {
  LLMD_CHECK(!values.empty());
  const double center = mean(values);
  if (values.size() < 2) return {center, center, center, false};
  const double half = half_width(values, center);
  return {center, center - half, center + half, true};
}

Interval ratio_interval(std::span<const double> values, std::span<const double> base) {
  LLMD_CHECK(!values.empty() && values.size() == base.size());
  if (mean(base) == 0) {
    const double ratio = mean(values) == 0 ? 1 : std::numeric_limits<double>::infinity();
    return {ratio, ratio, ratio, false};
  }
  if (!all_positive(values) || !all_positive(base)) return bootstrap_ratio(values, base);
  std::vector<double> logs(values.size());
  for (size_t i = 0; i < logs.size(); ++i) logs[i] = std::log(values[i] / base[i]);
  const Interval interval = mean_interval(logs);
  return {std::exp(interval.estimate), std::exp(interval.low), std::exp(interval.high),
          interval.known};
}

}  // namespace llmd::bench
