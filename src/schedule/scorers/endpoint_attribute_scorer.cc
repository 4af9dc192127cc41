// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "schedule/plugins.h"
#include "schedule/producers/core_metrics_extractor.h"

namespace llmd::schedule {
namespace {

using endpoints::kAttributeMax;
using resources::Fields;

struct ValueRange {
  double min = 0;
  double max = 0;
};

/// Where an attribute lies between its least and its greatest value; 0 without it.
class EndpointAttributeScorer final : public Scorer {
 public:
  EndpointAttributeScorer(std::string attribute, bool lower_is_better,
                          std::optional<ValueRange> fixed)
      : attribute_(std::move(attribute)), lower_is_better_(lower_is_better), fixed_(fixed) {}

  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    const ValueRange range = fixed_ ? *fixed_ : range_of(candidates);
    for (size_t i = 0; i < candidates.size(); ++i) {
      const auto value = value_of(candidates[i]);
      scores[i] = value ? rate(*value, range) : 0;
    }
  }

 private:
  /// Figures too old to be believed are none.
  std::optional<double> value_of(const Candidate& candidate) const {
    const endpoints::Live& live = candidate.endpoint->live;
    return live.stale ? std::nullopt : live.scrape.attribute(attribute_);
  }

  ValueRange range_of(std::span<const Candidate> candidates) const {
    ValueRange range{kAttributeMax, -kAttributeMax};
    for (const Candidate& each : candidates) {
      const auto value = value_of(each);
      if (!value) continue;
      range = {std::min(range.min, *value), std::max(range.max, *value)};
    }
    return range;
  }

  double rate(double value, const ValueRange& range) const {
    if (range.max <= range.min) return 1;
    const double share = std::clamp((value - range.min) / (range.max - range.min), 0.0, 1.0);
    return lower_is_better_ ? 1 - share : share;
  }

  const std::string attribute_;
  const bool lower_is_better_;
  const std::optional<ValueRange> fixed_;
};

Result<bool> read_lower_is_better(Fields& algorithm) {
  LLMD_ASSIGN_OR_RETURN(const std::string type, algorithm.text("type", ""));
  if (type == "linear_lower_is_better") return true;
  if (type == "linear_higher_is_better") return false;
  return algorithm.error("type", "must be linear_lower_is_better or linear_higher_is_better");
}

Result<ValueRange> read_fixed_range(Fields& normalization) {
  ValueRange out;
  LLMD_ASSIGN_OR_RETURN(auto fields, normalization.map("fixedRange"));
  LLMD_ASSIGN_OR_RETURN(out.min, fields.require_signed("min", kAttributeMax));
  LLMD_ASSIGN_OR_RETURN(out.max, fields.require_signed("max", kAttributeMax));
  if (out.min >= out.max) return fields.error("min", "must be below max");
  LLMD_RETURN_IF_ERROR(fields.done());
  return out;
}

/// Nothing: the candidates' own range.
Result<std::optional<ValueRange>> read_normalization(Fields& algorithm) {
  LLMD_ASSIGN_OR_RETURN(auto fields, algorithm.map("normalization"));
  LLMD_ASSIGN_OR_RETURN(const auto adaptive, fields.map("adaptiveRange"));
  LLMD_RETURN_IF_ERROR(adaptive.done());
  std::optional<ValueRange> fixed;
  if (fields.find("fixedRange") != nullptr) {
    if (fields.find("adaptiveRange") != nullptr) {
      return fields.error("fixedRange", "there is an adaptiveRange already");
    }
    LLMD_ASSIGN_OR_RETURN(fixed, read_fixed_range(fields));
  }
  LLMD_RETURN_IF_ERROR(fields.done());
  return fixed;
}

}  // namespace

Made make_endpoint_attribute_scorer(Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(const std::string source, parameters.text("source", "endpoint"));
  if (source != "endpoint") {
    return parameters.error("source", "must be endpoint: no proxy tells this gateway metadata");
  }
  LLMD_ASSIGN_OR_RETURN(std::string attribute,
                        CoreMetricsExtractor::read_attribute("attributeKey", kCoreMetricsExtractor,
                                                             parameters, registry));
  LLMD_RETURN_IF_ERROR(parameters.require("algorithm"));
  LLMD_ASSIGN_OR_RETURN(auto algorithm, parameters.map("algorithm"));
  LLMD_ASSIGN_OR_RETURN(const bool lower_is_better, read_lower_is_better(algorithm));
  LLMD_ASSIGN_OR_RETURN(const auto fixed, read_normalization(algorithm));
  LLMD_RETURN_IF_ERROR(algorithm.done());
  return make_plugin<EndpointAttributeScorer>(std::move(attribute), lower_is_better, fixed);
}

}  // namespace llmd::schedule
