// SPDX-License-Identifier: Apache-2.0
// Kubernetes label selectors: matchLabels and matchExpressions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "resources/fields.h"

namespace llmd::resources {

using Labels = std::map<std::string, std::string, std::less<>>;

struct LabelRequirement {
  enum class Operator : uint8_t { kIn, kNotIn, kExists, kDoesNotExist };

  std::string key;
  Operator op = Operator::kExists;
  std::vector<std::string> values;

  /// As in Kubernetes, NotIn also holds where the label is absent.
  bool holds(const Labels& labels) const;
};

/// All requirements must hold; none at all matches everything.
struct LabelSelector {
  std::vector<LabelRequirement> requirements;

  bool matches(const Labels& labels) const;
};

/// Reads the members matchLabels {key: value} and matchExpressions [{key, operator, values}].
Result<LabelSelector> read_label_selector(Fields& fields);

}  // namespace llmd::resources
