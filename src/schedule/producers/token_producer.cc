// SPDX-License-Identifier: Apache-2.0
#include "schedule/producers/token_producer.h"

#include "schedule/plugins.h"

namespace llmd::schedule {

Made make_token_producer(resources::Fields& parameters, Registry& registry) {
  TokenProducer::Options options;
  LLMD_ASSIGN_OR_RETURN(const std::string backend, parameters.text("backend", "local"));
  LLMD_ASSIGN_OR_RETURN(options.path, parameters.text("path", ""));
  LLMD_ASSIGN_OR_RETURN(options.model_name, parameters.text("modelName", ""));
  const bool has_service = parameters.find("vllm") != nullptr;
  if (backend != "local" && backend != "estimate" && backend != "vllm") {
    return parameters.error("backend", "must be local, estimate or vllm");
  }
  if (backend == "vllm" || has_service) {
    registry.warn("prompts are tokenized here, by the model's own files: no service is asked");
  }
  options.tokenizes = backend != "estimate";
  if (!options.tokenizes && !options.path.empty()) {
    return parameters.error("path", "has no use where the backend is estimate");
  }
  return make_plugin<TokenProducer>(std::move(options));
}

}  // namespace llmd::schedule
