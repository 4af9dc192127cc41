// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/compare.h"

#include <functional>

#include "base/check.h"

namespace llmd::bench {
namespace {

/// A figure of one run, absent where it has none.
using Figure = std::function<std::optional<double>(const RunSummary&, const Summary&)>;

struct Metric {
  const char* name;
  const char* unit;
  bool higher_is_better;
  Figure figure;
};

Figure percentile_of(Histogram Summary::* histogram, double percent, double unit_ns) {
  return [=](const RunSummary&, const Summary& summary) -> std::optional<double> {
    const Histogram& samples = summary.*histogram;
    if (samples.count() == 0) return std::nullopt;
    return static_cast<double>(samples.percentile(percent)) / unit_ns;
  };
}

Figure mean_of(Histogram Summary::* histogram, double unit_ns) {
  return [=](const RunSummary&, const Summary& summary) -> std::optional<double> {
    const Histogram& samples = summary.*histogram;
    if (samples.count() == 0) return std::nullopt;
    return samples.mean() / unit_ns;
  };
}

/// For figures that every run has.
template <typename F>
Figure always(F figure) {
  return [=](const RunSummary&, const Summary& summary) -> std::optional<double> {
    return figure(summary);
  };
}

double percent(double share) { return 100 * share; }

std::vector<Metric> throughput_metrics() {
  return {
      {"goodput", "req/s", true, always([](const Summary& s) { return s.goodput(); })},
      {"attained", "%", true, always([](const Summary& s) { return percent(s.tally.attained()); })},
      {"ladder goodput", "req/s", true,
       [](const RunSummary& run, const Summary& summary) -> std::optional<double> {
         if (!run.ladder || &summary != &run.total) return std::nullopt;
         return run.ladder->rate;
       }},
      {"requests", "req/s", true,
       always([](const Summary& s) { return s.per_second(s.tally.ok()); })},
      {"output", "tok/s", true,
       always([](const Summary& s) { return s.per_second(s.tally.output_tokens); })},
      {"cache hits", "%", true,
       always([](const Summary& s) { return percent(s.tally.cache_hit_ratio()); })},
      {"errors", "%", false, always([](const Summary& s) {
         return s.tally.requests == 0 ? 0
                                      : percent(static_cast<double>(s.tally.failed()) /
                                                static_cast<double>(s.tally.requests));
       })},
  };
}

std::vector<Metric> latency_metrics() {
  constexpr double kSecond = 1e9;
  constexpr double kMillisecond = 1e6;
  return {
      {"TTFT mean", "s", false, mean_of(&Summary::ttft, kSecond)},
      {"TTFT p50", "s", false, percentile_of(&Summary::ttft, 50, kSecond)},
      {"TTFT p90", "s", false, percentile_of(&Summary::ttft, 90, kSecond)},
      {"TTFT p99", "s", false, percentile_of(&Summary::ttft, 99, kSecond)},
      {"TPOT mean", "ms", false, mean_of(&Summary::tpot, kMillisecond)},
      {"TPOT p99", "ms", false, percentile_of(&Summary::tpot, 99, kMillisecond)},
      {"latency p50", "s", false, percentile_of(&Summary::e2e, 50, kSecond)},
      {"latency p99", "s", false, percentile_of(&Summary::e2e, 99, kSecond)},
  };
}

/// One value per repeat; nothing when any repeat lacks it.
std::optional<std::vector<double>> values_of(const TargetRuns& target, const Figure& figure,
                                             std::optional<size_t> stage) {
  std::vector<double> values;
  for (const RunSummary& run : target.repeats) {
    const auto value = figure(run, stage ? run.stages.at(*stage) : run.total);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

Verdict verdict(const Interval& ratio, bool higher_is_better) {
  if (!ratio.known) return Verdict::kUnknown;
  if (ratio.low <= 1 + kRatioResolution && ratio.high >= 1 - kRatioResolution) {
    return Verdict::kInsideNoise;
  }
  return (ratio.low > 1) == higher_is_better ? Verdict::kBetter : Verdict::kWorse;
}

std::optional<ComparedMetric> compare_metric(std::span<const TargetRuns> targets,
                                             const Metric& metric, std::optional<size_t> stage) {
  ComparedMetric out{metric.name, metric.unit, metric.higher_is_better, {}};
  std::optional<std::vector<double>> base;
  for (const TargetRuns& target : targets) {
    const auto values = values_of(target, metric.figure, stage);
    if (!values) return std::nullopt;
    ComparedFigure figure;
    figure.value = mean_interval(*values);
    if (base) {
      figure.ratio = ratio_interval(*values, *base);
      figure.verdict = verdict(figure.ratio, metric.higher_is_better);
    } else {
      base = values;
      figure.ratio = {1, 1, 1, true};
    }
    out.targets.push_back(figure);
  }
  return out;
}

}  // namespace

Comparison compare(std::span<const TargetRuns> targets, std::optional<size_t> stage) {
  LLMD_CHECK(!targets.empty() && !targets.front().repeats.empty());
  Comparison out;
  out.repeats = targets.front().repeats.size();
  for (const TargetRuns& target : targets) {
    LLMD_CHECK(target.repeats.size() == out.repeats);
    out.targets.push_back(target.name);
  }
  for (const auto& metrics : {throughput_metrics(), latency_metrics()}) {
    for (const Metric& metric : metrics) {
      if (auto row = compare_metric(targets, metric, stage)) out.metrics.push_back(*row);
    }
  }
  return out;
}

}  // namespace llmd::bench
