// SPDX-License-Identifier: Apache-2.0
// Prometheus metrics: counters, gauges and histograms in a registry that its owner holds.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace llmd::observe {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Handles are small values that stay valid as long as their registry. Any thread.
class Counter {
 public:
  explicit Counter(prometheus::Counter& counter) : counter_(&counter) {}
  void add(double amount = 1);  ///< amount >= 0
  double value() const;

 private:
  prometheus::Counter* counter_;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& gauge) : gauge_(&gauge) {}
  void set(double value);
  double value() const;

 private:
  prometheus::Gauge* gauge_;
};

class Histogram {
 public:
  explicit Histogram(prometheus::Histogram& histogram) : histogram_(&histogram) {}
  void observe(double value);

 private:
  prometheus::Histogram* histogram_;
};

/// One process part's metrics; no globals, so that many engines can live in one process. The same
/// name and labels give the same metric again. Any thread.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// `bounds` are the buckets' upper ends, ascending, without +Inf.
  Histogram histogram(const std::string& name, const std::string& help,
                      const std::vector<double>& bounds, const Labels& labels = {});

  /// The page in Prometheus' text format 0.0.4, `kContentType`.
  std::string exposition() const;
  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// 1, 2, 5, 10, 20, 50, … up to `largest`: the buckets that vLLM uses for token counts.
std::vector<double> one_two_five_buckets(double largest);

}  // namespace llmd::observe
