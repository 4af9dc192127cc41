// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <optional>

#include "schedule/plugins.h"
#include "schedule/producers/core_metrics_extractor.h"

namespace llmd::schedule {
namespace {

using endpoints::kAttributeMax;
using resources::Fields;

/// Which values stay. Told all of them first, then asked of each.
class Algorithm {
 public:
  virtual ~Algorithm() = default;
  /// At least one value; may change their order.
  virtual void look_at(std::span<double>) {}
  virtual bool keeps(double value) = 0;
};
using MadeAlgorithm = Result<std::unique_ptr<Algorithm>>;

template <typename Kind, typename... Arguments>
MadeAlgorithm make_algorithm(Arguments... arguments) {
  return std::unique_ptr<Algorithm>(std::make_unique<Kind>(arguments...));
}

using Compare = bool (*)(double value, double limit);
struct Operator {
  std::string_view name;
  Compare compare;
};
constexpr Operator kOperators[] = {
    {"LessThan", [](double value, double limit) { return value < limit; }},
    {"LessThanOrEqual", [](double value, double limit) { return value <= limit; }},
    {"GreaterThan", [](double value, double limit) { return value > limit; }},
    {"GreaterThanOrEqual", [](double value, double limit) { return value >= limit; }},
    {"Equal", [](double value, double limit) { return value == limit; }},
    {"NotEqual", [](double value, double limit) { return value != limit; }},
};

class Threshold final : public Algorithm {
 public:
  Threshold(Compare compare, double limit) : compare_(compare), limit_(limit) {}
  bool keeps(double value) override { return compare_(value, limit_); }

 private:
  Compare compare_;
  double limit_;
};

class Range final : public Algorithm {
 public:
  Range(double min, double max) : min_(min), max_(max) {}
  bool keeps(double value) override { return value >= min_ && value <= max_; }

 private:
  double min_;
  double max_;
};

/// As many as asked for, also where several are equal.
class TopK final : public Algorithm {
 public:
  TopK(size_t count, bool higher_is_better) : count_(count), higher_is_better_(higher_is_better) {}

  void look_at(std::span<double> values) override {
    const size_t kept = std::min(count_, values.size());
    std::ranges::nth_element(values, values.begin() + static_cast<long>(kept - 1),
                             [this](double one, double other) { return is_better(one, other); });
    last_ = values[kept - 1];
    const auto better =
        std::ranges::count_if(values, [this](double value) { return is_better(value, last_); });
    equal_left_ = kept - static_cast<size_t>(better);
  }
  bool keeps(double value) override {
    if (value != last_) return is_better(value, last_);
    if (equal_left_ == 0) return false;
    --equal_left_;
    return true;
  }

 private:
  bool is_better(double one, double other) const {
    return higher_is_better_ ? one > other : one < other;
  }

  size_t count_;
  bool higher_is_better_;
  double last_ = 0;        ///< the least good value that stays
  size_t equal_left_ = 0;  ///< of those that have it, how many more stay
};

/// From the value of nearest rank on.
class Percentile final : public Algorithm {
 public:
  Percentile(double percentile, bool higher_is_better)
      : share_(percentile / 100), higher_is_better_(higher_is_better) {}

  void look_at(std::span<double> values) override {
    const double rank = std::ceil(share_ * static_cast<double>(values.size()));
    const auto place = static_cast<long>(std::max(rank, 1.0)) - 1;
    std::ranges::nth_element(values, values.begin() + place);
    cutoff_ = values[static_cast<size_t>(place)];
  }
  bool keeps(double value) override {
    return higher_is_better_ ? value >= cutoff_ : value <= cutoff_;
  }

 private:
  double share_;
  bool higher_is_better_;
  double cutoff_ = 0;
};

MadeAlgorithm read_threshold(Fields& fields) {
  LLMD_ASSIGN_OR_RETURN(const std::string name, fields.text("operator", ""));
  const auto* found = std::ranges::find(kOperators, name, &Operator::name);
  if (found == std::end(kOperators)) {
    return fields.error("operator",
                        "must be LessThan, LessThanOrEqual, GreaterThan, GreaterThanOrEqual, Equal "
                        "or NotEqual");
  }
  LLMD_ASSIGN_OR_RETURN(const double limit, fields.require_signed("value", kAttributeMax));
  return make_algorithm<Threshold>(found->compare, limit);
}

MadeAlgorithm read_range(Fields& fields) {
  LLMD_ASSIGN_OR_RETURN(const double min, fields.require_signed("min", kAttributeMax));
  LLMD_ASSIGN_OR_RETURN(const double max, fields.require_signed("max", kAttributeMax));
  if (min > max) return fields.error("min", "must not be above max");
  return make_algorithm<Range>(min, max);
}

MadeAlgorithm read_top_k(Fields& fields) {
  LLMD_ASSIGN_OR_RETURN(const uint32_t count, fields.number("k", 0, UINT32_MAX));
  if (count == 0) return fields.error("k", "must be at least 1");
  LLMD_ASSIGN_OR_RETURN(const bool higher, fields.boolean("higherIsBetter", true));
  return make_algorithm<TopK>(count, higher);
}

MadeAlgorithm read_percentile(Fields& fields) {
  LLMD_RETURN_IF_ERROR(fields.require("percentile"));
  LLMD_ASSIGN_OR_RETURN(const double percentile, fields.decimal("percentile", 0, 100));
  LLMD_ASSIGN_OR_RETURN(const bool higher, fields.boolean("higherIsBetter", true));
  return make_algorithm<Percentile>(percentile, higher);
}

struct AlgorithmKind {
  std::string_view name;
  MadeAlgorithm (*read)(Fields& fields);
};
constexpr AlgorithmKind kAlgorithms[] = {{"threshold", read_threshold},
                                         {"range", read_range},
                                         {"topK", read_top_k},
                                         {"percentile", read_percentile}};

MadeAlgorithm read_algorithm(Fields& fields) {
  LLMD_ASSIGN_OR_RETURN(const std::string type, fields.text("type", ""));
  const auto* kind = std::ranges::find(kAlgorithms, type, &AlgorithmKind::name);
  if (kind == std::end(kAlgorithms)) {
    return fields.error("type", "must be threshold, range, topK or percentile");
  }
  LLMD_RETURN_IF_ERROR(fields.require(type));
  LLMD_ASSIGN_OR_RETURN(auto settings, fields.map(type));
  auto made = kind->read(settings);
  if (!made) return made;
  LLMD_RETURN_IF_ERROR(settings.done());
  LLMD_RETURN_IF_ERROR(fields.done());
  return made;
}

struct OnMissing {
  std::string_view name;
  bool keeps;
};
constexpr OnMissing kOnMissing[] = {{"Pass", true}, {"Fail", false}};

Result<bool> read_keeps_missing(Fields& parameters) {
  LLMD_ASSIGN_OR_RETURN(const std::string policy, parameters.text("onMissing", "Pass"));
  const auto* found = std::ranges::find(kOnMissing, policy, &OnMissing::name);
  if (found == std::end(kOnMissing)) {
    return parameters.error("onMissing", "must be Pass or Fail");
  }
  return found->keeps;
}

/// Keeps the endpoints whose attribute the algorithm likes.
class EndpointAttributeFilter final : public Filter {
 public:
  struct Options {
    std::string attribute;
    bool keeps_missing = true;
    bool fallback_on_empty = false;
  };
  EndpointAttributeFilter(Options options, std::unique_ptr<Algorithm> algorithm)
      : options_(std::move(options)), algorithm_(std::move(algorithm)) {}

  void apply(const Query&, Candidates& candidates) override {
    values_.clear();
    for (const Candidate& each : candidates) {
      if (const auto value = value_of(each)) values_.push_back(*value);
    }
    if (!values_.empty()) algorithm_->look_at(values_);
    kept_.clear();
    std::ranges::copy_if(candidates, std::back_inserter(kept_), [this](const Candidate& each) {
      const auto value = value_of(each);
      return value ? algorithm_->keeps(*value) : options_.keeps_missing;
    });
    if (!kept_.empty() || !options_.fallback_on_empty) candidates.swap(kept_);
  }

 private:
  std::optional<double> value_of(const Candidate& candidate) const {
    return candidate.endpoint->live.scrape.attribute(options_.attribute);
  }

  const Options options_;
  const std::unique_ptr<Algorithm> algorithm_;
  std::vector<double> values_;  ///< scratch
  Candidates kept_;             ///< scratch
};

}  // namespace

Made make_endpoint_attribute_filter(Fields& parameters, Registry& registry) {
  EndpointAttributeFilter::Options options;
  LLMD_ASSIGN_OR_RETURN(const std::string producer,
                        parameters.text("producer", std::string(kCoreMetricsExtractor)));
  LLMD_ASSIGN_OR_RETURN(options.attribute, CoreMetricsExtractor::read_attribute(
                                               "attribute", producer, parameters, registry));
  LLMD_ASSIGN_OR_RETURN(options.keeps_missing, read_keeps_missing(parameters));
  LLMD_ASSIGN_OR_RETURN(options.fallback_on_empty, parameters.boolean("fallbackOnEmpty", false));
  LLMD_RETURN_IF_ERROR(parameters.require("algorithm"));
  LLMD_ASSIGN_OR_RETURN(auto fields, parameters.map("algorithm"));
  LLMD_ASSIGN_OR_RETURN(auto algorithm, read_algorithm(fields));
  return make_plugin<EndpointAttributeFilter>(std::move(options), std::move(algorithm));
}

}  // namespace llmd::schedule
