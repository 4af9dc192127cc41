// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "base/text.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

struct Range {
  uint64_t min = 0;
  uint64_t max = 0;
};

/// "0-2048"; nothing when it is no such range.
std::optional<Range> parse_range(std::string_view text) {
  const auto parts = split(text, '-');
  if (parts.size() != 2) return std::nullopt;
  const auto min = parse_uint(trim(parts[0]));
  const auto max = parse_uint(trim(parts[1]));
  if (!min || !max || *min > *max) return std::nullopt;
  return Range{*min, *max};
}

/// Prefers endpoints whose label says that they are for prompts of this length: above 0.3 and up to
/// 1, the tighter the range the more; others below 0.3, the nearer the more; 0.5 without a label.
class ContextLengthAware final : public Filter, public Scorer {
 public:
  ContextLengthAware(std::string label, bool filters)
      : label_(std::move(label)), filters_(filters) {}

  void apply(const Query& query, Candidates& candidates) override {
    if (!filters_) return;
    std::erase_if(candidates, [&](const Candidate& candidate) {
      const auto range = range_of(candidate);
      return range && !holds(*range, query.prompt_tokens);
    });
  }
  void score(const Query& query, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    constexpr double kUnlabeled = 0.5;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const auto range = range_of(candidates[i]);
      scores[i] = range ? rate(*range, query.prompt_tokens) : kUnlabeled;
    }
  }

 private:
  static constexpr double kInRangeMin = 0.3;

  std::optional<Range> range_of(const Candidate& candidate) const {
    return parse_range(candidate.endpoint->label(label_));
  }
  static bool holds(const Range& range, uint64_t tokens) {
    return tokens >= range.min && tokens <= range.max;
  }
  static double rate(const Range& range, uint64_t tokens) {
    const auto length = static_cast<double>(tokens);
    if (holds(range, tokens)) {
      // The share of the range that the prompt fills: a range of just this length gives 1.
      const double tightness = (length + 1) / (static_cast<double>(range.max) + 1);
      return kInRangeMin + (1 - kInRangeMin) * std::clamp(tightness, 1e-6, 1.0);
    }
    const double distance = tokens > range.max ? length - static_cast<double>(range.max)
                                               : static_cast<double>(range.min) - length;
    return kInRangeMin * length / (length + distance) * (1 - 1e-6);
  }

  std::string label_;
  bool filters_;
};

}  // namespace

Made make_context_length_aware_scorer(resources::Fields& parameters, Registry&) {
  LLMD_ASSIGN_OR_RETURN(std::string label,
                        parameters.text("label", "llm-d.ai/context-length-range"));
  LLMD_ASSIGN_OR_RETURN(const bool filters, parameters.boolean("enableFiltering", false));
  return make_plugin<ContextLengthAware>(std::move(label), filters);
}

}  // namespace llmd::schedule
