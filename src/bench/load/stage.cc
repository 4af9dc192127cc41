// SPDX-License-Identifier: Apache-2.0
#include "bench/load/stage.h"

#include <algorithm>
#include <cmath>

namespace llmd::bench {
namespace {

/// How many answers ended in each second up to the last.
std::vector<double> counts_per_second(const std::vector<Duration>& ended, Duration last) {
  std::vector<double> counts(static_cast<size_t>(last / std::chrono::seconds(1)) + 1);
  for (const Duration at : ended) counts[static_cast<size_t>(at / std::chrono::seconds(1))] += 1;
  return counts;
}

}  // namespace

std::string_view name_of(LoadKind kind) {
  switch (kind) {
    case LoadKind::kConstant:
      return "constant";
    case LoadKind::kPoisson:
      return "poisson";
    case LoadKind::kConcurrent:
      return "concurrent";
    case LoadKind::kTrace:
      return "trace";
    case LoadKind::kBurst:
      break;
  }
  return "burst";
}

Stage sweep_probe(const Sweep& sweep) {
  return {.kind = LoadKind::kBurst,
          .duration = sweep.timeout,
          .requests = sweep.requests,
          .warm_up = true};
}

double saturation_rate(const std::vector<Duration>& ended, double percentile) {
  if (ended.empty()) return 0;
  const Duration last = *std::max_element(ended.begin(), ended.end());
  std::vector<double> counts = counts_per_second(ended, last);
  if (counts.size() == 1) {
    constexpr double kShortestSeconds = 1e-3;
    return counts.front() / std::max(to_seconds(last), kShortestSeconds);
  }
  counts.pop_back();  // the last second is not whole
  std::sort(counts.begin(), counts.end());
  const double rank = std::clamp(percentile / 100, 0.0, 1.0) * static_cast<double>(counts.size());
  const auto place = static_cast<size_t>(std::ceil(rank));
  return counts[std::clamp<size_t>(place, 1, counts.size()) - 1];
}

std::vector<Stage> sweep_stages(const Sweep& sweep, double saturation) {
  std::vector<Stage> stages;
  const auto count = static_cast<double>(sweep.stages);
  const double lowest = saturation >= 2 ? 1 : saturation / std::exp2(count - 1);
  for (uint32_t i = 0; i < sweep.stages; ++i) {
    const double share = sweep.stages == 1 ? 1 : i / (count - 1);
    const double rate = sweep.geometric ? lowest * std::pow(saturation / lowest, share)
                                        : saturation * (i + 1) / count;
    stages.push_back({.kind = sweep.kind, .rate = rate, .duration = sweep.stage_duration});
  }
  return stages;
}

}  // namespace llmd::bench
