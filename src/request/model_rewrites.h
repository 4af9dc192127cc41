// SPDX-License-Identifier: Apache-2.0
// InferenceModelRewrite at work: aliases, canaries, weighted splits.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "resources/inference_model_rewrite.h"

namespace llmd::request {

/// One thread.
class ModelRewrites {
 public:
  /// `rewrites` with the oldest first.
  ModelRewrites(std::vector<resources::InferenceModelRewrite> rewrites, uint64_t seed)
      : rewrites_(std::move(rewrites)), random_(seed) {}

  bool empty() const { return rewrites_.empty(); }

  /// The model that serves `model`, drawn by the weights; `model` itself when no rule matches. A
  /// rule that names the model goes before one for all models, then the oldest object, then the
  /// first rule. `applies` says whether an object is for this request at all.
  std::string_view target(
      std::string_view model,
      const std::function<bool(const resources::InferenceModelRewrite&)>& applies);

  /// Names that clients may ask for because a rule names them, each with a model that serves it.
  template <typename Visit>
  void for_each_alias(Visit visit) const {
    for (const auto& rewrite : rewrites_) {
      for (const auto& rule : rewrite.rules) {
        for (const std::string& alias : rule.models) visit(alias, rule.targets.front().model);
      }
    }
  }

 private:
  std::vector<resources::InferenceModelRewrite> rewrites_;
  Random random_;
};

}  // namespace llmd::request
