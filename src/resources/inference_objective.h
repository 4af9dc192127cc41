// SPDX-License-Identifier: Apache-2.0
// InferenceObjective: requests that name it have its priority. Upstream's own object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "resources/yaml.h"

namespace llmd::resources {

inline constexpr std::string_view kInferenceObjectiveKind = "InferenceObjective";

struct InferenceObjective {
  std::string name;
  std::string name_space = "default";
  std::string pool;      ///< name of the InferencePool whose requests it is for
  int32_t priority = 0;  ///< higher goes first; negative may be shed
};

/// Reads one document, llm-d.ai/v1alpha2 or the legacy inference.networking.x-k8s.io/v1alpha2.
/// Errors name file, line, column, the key and what would be right. Any thread.
Result<InferenceObjective> read_inference_objective(const YamlNode& document,
                                                    const std::string& file);

}  // namespace llmd::resources
