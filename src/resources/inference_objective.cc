// SPDX-License-Identifier: Apache-2.0
#include "resources/inference_objective.h"

#include "resources/fields.h"
#include "resources/object_header.h"

namespace llmd::resources {

Result<InferenceObjective> read_inference_objective(const YamlNode& document,
                                                    const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(Fields root, Fields::of(document, "", file));
  LLMD_RETURN_IF_ERROR(check_header(root, kInferenceObjectiveKind, kUpstreamObjectVersions));
  LLMD_ASSIGN_OR_RETURN(Metadata metadata, read_metadata(root));
  LLMD_ASSIGN_OR_RETURN(Fields spec, root.map("spec"));
  root.find("status");
  LLMD_RETURN_IF_ERROR(root.done());
  InferenceObjective objective{
      .name = std::move(metadata.name), .name_space = std::move(metadata.name_space), .pool = {}};
  LLMD_ASSIGN_OR_RETURN(objective.pool, read_pool_reference(spec));
  LLMD_ASSIGN_OR_RETURN(objective.priority, spec.integer("priority", 0));
  LLMD_RETURN_IF_ERROR(spec.done());
  return objective;
}

}  // namespace llmd::resources
