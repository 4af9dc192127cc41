// SPDX-License-Identifier: Apache-2.0
#include "resources/label_selector.h"

#include <algorithm>

namespace llmd::resources {
namespace {

using Operator = LabelRequirement::Operator;

Result<Operator> read_operator(Fields& fields) {
  LLMD_ASSIGN_OR_RETURN(const std::string name, fields.text("operator", ""));
  if (name == "In") return Operator::kIn;
  if (name == "NotIn") return Operator::kNotIn;
  if (name == "Exists") return Operator::kExists;
  if (name == "DoesNotExist") return Operator::kDoesNotExist;
  return fields.error("operator", "must be In, NotIn, Exists or DoesNotExist");
}

Result<LabelRequirement> read_requirement(Fields& fields) {
  LabelRequirement out;
  LLMD_ASSIGN_OR_RETURN(out.key, fields.text("key", ""));
  if (out.key.empty()) return fields.error("key", "is missing");
  LLMD_ASSIGN_OR_RETURN(out.op, read_operator(fields));
  LLMD_ASSIGN_OR_RETURN(out.values, fields.texts("values"));
  const bool wants_values = out.op == Operator::kIn || out.op == Operator::kNotIn;
  if (wants_values == out.values.empty()) {
    return fields.error("values", wants_values ? "is missing" : "is not for this operator");
  }
  LLMD_RETURN_IF_ERROR(fields.done());
  return out;
}

}  // namespace

bool LabelRequirement::holds(const Labels& labels) const {
  const auto label = labels.find(key);
  const bool exists = label != labels.end();
  const bool listed = exists && std::ranges::find(values, label->second) != values.end();
  switch (op) {
    case Operator::kIn:
      return listed;
    case Operator::kNotIn:
      return !listed;
    case Operator::kExists:
      return exists;
    case Operator::kDoesNotExist:
      return !exists;
  }
  return false;
}

bool LabelSelector::matches(const Labels& labels) const {
  return std::ranges::all_of(requirements,
                             [&](const auto& requirement) { return requirement.holds(labels); });
}

Result<LabelSelector> read_label_selector(Fields& fields) {
  LabelSelector out;
  LLMD_ASSIGN_OR_RETURN(const auto equal, fields.text_map("matchLabels"));
  for (const auto& [key, value] : equal) {
    out.requirements.push_back({.key = key, .op = Operator::kIn, .values = {value}});
  }
  LLMD_ASSIGN_OR_RETURN(auto expressions, fields.maps("matchExpressions"));
  for (Fields& expression : expressions) {
    LLMD_ASSIGN_OR_RETURN(auto requirement, read_requirement(expression));
    out.requirements.push_back(std::move(requirement));
  }
  return out;
}

}  // namespace llmd::resources
