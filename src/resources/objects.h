// SPDX-License-Identifier: Apache-2.0
// All objects that a user writes, read from files that hold any kinds in any order.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "resources/endpoint_picker_config.h"
#include "resources/inference_model_rewrite.h"
#include "resources/inference_objective.h"
#include "resources/model_service.h"
#include "resources/yaml.h"

namespace llmd::resources {

/// Each list in the order of the files, except as said.
struct Objects {
  std::vector<ModelService> services;
  std::vector<EndpointPickerConfig> picker_configs;
  std::vector<InferenceObjective> objectives;
  /// Oldest first, as they take precedence; those without a creationTimestamp last.
  std::vector<InferenceModelRewrite> rewrites;
};

/// Collects objects document by document.
class ObjectReader {
 public:
  /// Refuses unknown kinds, wrong versions, and a second object of the same kind, namespace and
  /// name. Errors name file, line, column, the key and what would be right. After one, nothing of
  /// the document was kept and others may be added.
  Result<void> add(const YamlNode& document, const std::string& file);

  /// Everything since the last take(). Names stay taken.
  Objects take();

 private:
  Objects objects_;
  std::map<std::string, std::string, std::less<>> places_;  ///< file:line of each object
};

/// Every object of one text. Any thread.
Result<Objects> parse_objects(std::string_view text, const std::string& file);
/// Every object of several files; one that holds none is refused.
Result<Objects> load_objects(const std::vector<std::string>& files);

}  // namespace llmd::resources
