// SPDX-License-Identifier: Apache-2.0
// InferenceModelRewrite: which model serves what clients ask for. Upstream's own object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "resources/yaml.h"

namespace llmd::resources {

inline constexpr std::string_view kInferenceModelRewriteKind = "InferenceModelRewrite";

struct InferenceModelRewrite {
  struct Target {
    uint32_t weight = 1;  ///< its share of the requests is weight / sum of the weights
    std::string model;
  };
  struct Rule {
    std::vector<std::string> models;  ///< exact names; empty: matches all
    std::vector<Target> targets;      ///< at least one
  };

  std::string name;
  std::string name_space = "default";
  std::string pool;     ///< name of the InferencePool whose requests it is for
  std::string created;  ///< as 2026-01-31T08:00:00Z, so that texts sort as times; empty: not said
  std::vector<Rule> rules;
};

/// Reads one document, llm-d.ai/v1alpha2 or the legacy inference.networking.x-k8s.io/v1alpha2.
/// Errors name file, line, column, the key and what would be right. Any thread.
Result<InferenceModelRewrite> read_inference_model_rewrite(const YamlNode& document,
                                                           const std::string& file);

}  // namespace llmd::resources
