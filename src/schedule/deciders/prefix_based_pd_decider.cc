// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// A prefill stage when at least so many tokens of the prompt are not cached at the decode
/// endpoint.
class PrefixBasedPdDecider final : public Decider {
 public:
  PrefixBasedPdDecider(PrefixProducer& prefixes, uint32_t non_cached_tokens, uint32_t prompt_tokens)
      : prefixes_(prefixes), non_cached_tokens_(non_cached_tokens), prompt_tokens_(prompt_tokens) {}

  bool wants_stage(const Query& query, const endpoints::Endpoint& decode) override {
    if (non_cached_tokens_ == 0 || query.prompt_tokens < prompt_tokens_) return false;
    const uint32_t cached = std::min(prefixes_.matched_tokens(decode.slot), query.prompt_tokens);
    return query.prompt_tokens - cached >= non_cached_tokens_;
  }

 private:
  PrefixProducer& prefixes_;
  uint32_t non_cached_tokens_;
  uint32_t prompt_tokens_;
};

}  // namespace

Made make_prefix_based_pd_decider(resources::Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(const uint32_t uncached,
                        parameters.number("nonCachedTokens", 0, UINT32_MAX));
  LLMD_ASSIGN_OR_RETURN(const uint32_t prompt, parameters.number("promptTokens", 0, UINT32_MAX));
  LLMD_ASSIGN_OR_RETURN(PrefixProducer* const prefixes, registry.read_prefix_producer(parameters));
  return make_plugin<PrefixBasedPdDecider>(*prefixes, uncached, prompt);
}

}  // namespace llmd::schedule
