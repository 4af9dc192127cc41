// SPDX-License-Identifier: Apache-2.0
#include "resources/inference_objective.h"

#include "resources/fields.h"
#include "resources/object_header.h"

namespace llmd::resources {

Result<InferenceObjective> read_inference_objective(const YamlNode& document,
                                                    const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(PoolObject object,
                        read_pool_object(document, kInferenceObjectiveKind, file));
  InferenceObjective objective{.name = std::move(object.metadata.name),
                               .name_space = std::move(object.metadata.name_space),
                               .pool = std::move(object.pool)};
  LLMD_ASSIGN_OR_RETURN(objective.priority, object.spec.integer("priority", 0));
  LLMD_RETURN_IF_ERROR(object.spec.done());
  return objective;
}

}  // namespace llmd::resources
