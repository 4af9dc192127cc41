// SPDX-License-Identifier: Apache-2.0
#include "request/model_rewrites.h"

#include <algorithm>

namespace llmd::request {
namespace {

using resources::InferenceModelRewrite;

std::string_view draw(const InferenceModelRewrite::Rule& rule, Random& random) {
  uint64_t sum = 0;
  for (const auto& target : rule.targets) sum += target.weight;
  uint64_t left = random.below(sum);
  for (const auto& target : rule.targets) {
    if (left < target.weight) return target.model;
    left -= target.weight;
  }
  return rule.targets.back().model;
}

}  // namespace

std::string_view ModelRewrites::target(
    std::string_view model, const std::function<bool(const InferenceModelRewrite&)>& applies) {
  const InferenceModelRewrite::Rule* for_all = nullptr;
  for (const InferenceModelRewrite& rewrite : rewrites_) {
    if (!applies(rewrite)) continue;
    for (const InferenceModelRewrite::Rule& rule : rewrite.rules) {
      if (std::ranges::find(rule.models, model) != rule.models.end()) return draw(rule, random_);
      if (rule.models.empty() && for_all == nullptr) for_all = &rule;
    }
  }
  return for_all == nullptr ? model : draw(*for_all, random_);
}

}  // namespace llmd::request
