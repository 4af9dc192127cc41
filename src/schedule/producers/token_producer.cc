// SPDX-License-Identifier: Apache-2.0
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// Prompts are counted when they are hashed, four bytes for a token, as upstream's estimate does.
class TokenProducer final : public Producer {
 public:
  void produce(const Query&) override {}
};

}  // namespace

Made make_token_producer(resources::Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(const std::string backend, parameters.text("backend", "estimate"));
  parameters.find("modelName");
  if (backend != "estimate" || parameters.find("vllm") != nullptr) {
    registry.warn("prompts are not tokenized by a service yet; their length is estimated");
  }
  return make_plugin<TokenProducer>();
}

}  // namespace llmd::schedule
