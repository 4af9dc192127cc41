// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "resources/label_selector.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// Keeps endpoints whose labels match.
class LabelSelectorFilter final : public Filter {
 public:
  explicit LabelSelectorFilter(resources::LabelSelector selector)
      : selector_(std::move(selector)) {}

  void apply(const Query&, Candidates& candidates) override {
    std::erase_if(candidates, [this](const Candidate& candidate) {
      return !selector_.matches(candidate.endpoint->spec.labels);
    });
  }

 private:
  resources::LabelSelector selector_;
};

}  // namespace

Made make_label_selector_filter(resources::Fields& parameters, Registry&) {
  LLMD_ASSIGN_OR_RETURN(auto selector, resources::read_label_selector(parameters));
  return make_plugin<LabelSelectorFilter>(std::move(selector));
}

}  // namespace llmd::schedule
