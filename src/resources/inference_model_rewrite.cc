// SPDX-License-Identifier: Apache-2.0
#include "resources/inference_model_rewrite.h"

#include <fmt/core.h>

#include "resources/fields.h"
#include "resources/object_header.h"

namespace llmd::resources {
namespace {

using Rule = InferenceModelRewrite::Rule;
using Target = InferenceModelRewrite::Target;

constexpr uint32_t kWeightMax = 1'000'000;

Result<std::string> read_match(Fields& match) {
  LLMD_RETURN_IF_ERROR(match.require("model"));
  LLMD_ASSIGN_OR_RETURN(Fields model, match.map("model"));
  LLMD_RETURN_IF_ERROR(match.done());
  LLMD_ASSIGN_OR_RETURN(const std::string type, model.text("type", "Exact"));
  if (type != "Exact") return model.error("type", "must be Exact");
  LLMD_RETURN_IF_ERROR(model.require("value"));
  LLMD_ASSIGN_OR_RETURN(std::string value, model.text("value", ""));
  LLMD_RETURN_IF_ERROR(model.done());
  return value;
}

/// A weight of 0 stands for one that is not given.
Result<Target> read_target(Fields& fields) {
  Target target;
  LLMD_RETURN_IF_ERROR(fields.require("modelRewrite"));
  LLMD_ASSIGN_OR_RETURN(target.model, fields.text("modelRewrite", ""));
  const bool has_weight = fields.find("weight") != nullptr;
  LLMD_ASSIGN_OR_RETURN(target.weight, fields.number("weight", 0, kWeightMax));
  if (has_weight && target.weight == 0) {
    return fields.error("weight", fmt::format("must be a whole number from 1 to {}", kWeightMax));
  }
  LLMD_RETURN_IF_ERROR(fields.done());
  return target;
}

Result<std::vector<Target>> read_targets(Fields& rule) {
  LLMD_ASSIGN_OR_RETURN(auto maps, rule.maps("targets"));
  if (maps.empty()) return rule.error("targets", "must hold at least one target");
  std::vector<Target> targets;
  for (Fields& fields : maps) {
    LLMD_ASSIGN_OR_RETURN(Target target, read_target(fields));
    const bool has_weight = target.weight != 0;
    if (!targets.empty() && has_weight != (targets.front().weight != 0)) {
      return fields.error("weight", "must be given for all targets of a rule or for none");
    }
    targets.push_back(std::move(target));
  }
  if (targets.front().weight != 0) return targets;
  for (Target& target : targets) target.weight = 1;
  return targets;
}

Result<Rule> read_rule(Fields& fields) {
  Rule rule;
  LLMD_ASSIGN_OR_RETURN(auto matches, fields.maps("matches"));
  for (Fields& match : matches) {
    LLMD_ASSIGN_OR_RETURN(std::string model, read_match(match));
    rule.models.push_back(std::move(model));
  }
  LLMD_ASSIGN_OR_RETURN(rule.targets, read_targets(fields));
  LLMD_RETURN_IF_ERROR(fields.done());
  return rule;
}

}  // namespace

Result<InferenceModelRewrite> read_inference_model_rewrite(const YamlNode& document,
                                                           const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(PoolObject object,
                        read_pool_object(document, kInferenceModelRewriteKind, file));
  InferenceModelRewrite rewrite{.name = std::move(object.metadata.name),
                                .name_space = std::move(object.metadata.name_space),
                                .pool = std::move(object.pool),
                                .created = std::move(object.metadata.created),
                                .rules = {}};
  LLMD_ASSIGN_OR_RETURN(auto rules, object.spec.maps("rules"));
  if (rules.empty()) return object.spec.error("rules", "must hold at least one rule");
  LLMD_RETURN_IF_ERROR(object.spec.done());
  for (Fields& fields : rules) {
    LLMD_ASSIGN_OR_RETURN(Rule rule, read_rule(fields));
    rewrite.rules.push_back(std::move(rule));
  }
  return rewrite;
}

}  // namespace llmd::resources
