// SPDX-License-Identifier: Apache-2.0
// Several targets under one workload, repeated: what differs, and by how much for certain.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/measure/intervals.h"
#include "bench/measure/summary.h"

namespace llmd::bench {

/// One target's repeats. Repeat i of every target ran with the same seed, next to each other.
struct TargetRuns {
  std::string name;
  std::vector<RunSummary> repeats;
};

/// Smaller differences are none: a percentile is not known better than that (histogram.h).
constexpr double kRatioResolution = 0.001;

enum class Verdict : uint8_t {
  kBaseline,  ///< the first target, which the others are held against
  kBetter,    ///< the interval of the ratio lies wholly on the better side of 1
  kWorse,
  kInsideNoise,  ///< the interval holds 1
  kUnknown,      ///< one repeat, or nothing to divide by: no interval
};

struct ComparedFigure {
  Interval value;  ///< over the repeats of this target
  Interval ratio;  ///< to the first target, repeat by repeat
  Verdict verdict = Verdict::kBaseline;
};

struct ComparedMetric {
  std::string name;
  std::string unit;
  bool higher_is_better = true;
  std::vector<ComparedFigure> targets;  ///< in the order of the input
};

struct Comparison {
  std::vector<std::string> targets;
  size_t repeats = 0;
  std::vector<ComparedMetric> metrics;  ///< without those that no run has
};

/// Compares the totals, or one stage if `stage` is given. All targets need the same number of
/// repeats and stages, at least one of each. Each verdict stands for itself at `kConfidence`: of
/// twenty differences that are none, one is expected to be called one. Pure; any thread.
Comparison compare(std::span<const TargetRuns> targets, std::optional<size_t> stage = {});

}  // namespace llmd::bench
