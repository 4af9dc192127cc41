// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "flow/saturation.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// A saturation detector as a filter: keeps endpoints that are below their own limit; all when
/// none is.
class DetectorFilter final : public Filter {
 public:
  explicit DetectorFilter(std::shared_ptr<flow::SaturationDetector> detector)
      : detector_(std::move(detector)) {}

  void apply(const Query& query, Candidates& candidates) override {
    const auto is_over = [&](const Candidate& candidate) {
      return !detector_->has_room(*candidate.endpoint, query.prompt_tokens, query.now);
    };
    if (std::ranges::all_of(candidates, is_over)) return;
    std::erase_if(candidates, is_over);
  }

 private:
  std::shared_ptr<flow::SaturationDetector> detector_;
};

}  // namespace

Made make_utilization_detector_filter(resources::Fields& parameters, Registry&) {
  LLMD_ASSIGN_OR_RETURN(auto detector, flow::make_utilization_detector(parameters));
  return make_plugin<DetectorFilter>(std::move(detector));
}

Made make_concurrency_detector_filter(resources::Fields& parameters, Registry&) {
  LLMD_ASSIGN_OR_RETURN(auto detector, flow::make_concurrency_detector(parameters));
  return make_plugin<DetectorFilter>(std::move(detector));
}

}  // namespace llmd::schedule
