// SPDX-License-Identifier: Apache-2.0
// Confidence intervals over repeats of a run: how far a mean, or the ratio of two targets, would
// move if everything were repeated. A value is one run's figure; requests inside a run share its
// queues and are no independent samples. Pure; any thread.
#pragma once

#include <span>

namespace llmd::bench {

constexpr double kConfidence = 0.95;

struct Interval {
  double estimate = 0;
  double low = 0;
  double high = 0;
  /// Several values were there to say how far apart they are. False: low = estimate = high.
  bool known = false;
};

/// The t below which Student's distribution with `freedom` degrees has the share `p`; p in (0, 1).
double student_t_quantile(double p, double freedom);

/// The mean and its `kConfidence` interval by Student's t. `values` must not be empty.
Interval mean_interval(std::span<const double> values);

/// How `values` relate to `base`, pair by pair: values[i] and base[i] come from one seed, or from
/// neighbours in an interleaved run, so what moved both cancels. The geometric mean of the ratios,
/// with Student's t on their logarithms. Where a value is 0 there is no logarithm: then it is the
/// ratio of the means, with a bootstrap over the pairs under a fixed seed. Both spans have one
/// length, not 0. A base that is 0 throughout gives an estimate of 1 if the values are too, else
/// infinity, with `known` false.
Interval ratio_interval(std::span<const double> values, std::span<const double> base);

}  // namespace llmd::bench
