// SPDX-License-Identifier: Apache-2.0
#include "schedule/producers/approx_prefix_cache_producer.h"

#include <algorithm>
#include <functional>

#include "schedule/plugins.h"

namespace llmd::schedule {
void ApproxPrefixCacheProducer::produce(const Query& query) {
  total_tokens_ = query.prompt_tokens;
  total_units_ = std::max(query.prefix->units, 1U);
  matched_units_.clear();
  for (size_t i = 0; i < query.prefix->prompts(); ++i) {
    auto& units = i == 0 ? matched_units_ : scratch_;
    index_.match(leading(query.prefix->prompt(i)), units);
    if (i > 0) std::ranges::transform(units, matched_units_, matched_units_.begin(), std::plus());
  }
}

/// Counted now and not when the request ends: a burst of equal prompts then follows the first.
void ApproxPrefixCacheProducer::placed(const Query& query, const endpoints::Endpoint& endpoint) {
  index_.set_capacity(endpoint.slot, capacity_of(endpoint) / kUnitTokens);
  for (size_t i = 0; i < query.prefix->prompts(); ++i) {
    index_.record(endpoint.slot, leading(query.prefix->prompt(i)));
  }
}

std::span<const uint64_t> ApproxPrefixCacheProducer::leading(
    std::span<const uint64_t> prompt) const {
  return prompt.first(std::min(prompt.size(), blocks_of(options_.prefix_tokens_max)));
}

uint64_t ApproxPrefixCacheProducer::capacity_of(const endpoints::Endpoint& endpoint) const {
  const uint64_t reported = endpoint.live.scrape.cache_tokens;
  return options_.auto_tune && reported > 0 ? reported : options_.capacity_tokens;
}

Made make_approx_prefix_cache_producer(resources::Fields& parameters, Registry&) {
  constexpr uint32_t kBlockTokens = 16;
  constexpr uint32_t kBlockTokensMin = 64;  // upstream's own floor
  constexpr uint32_t kCapacityBlocks = 31'250;
  constexpr uint32_t kMax = 1'000'000'000;
  ApproxIndexOptions options;
  LLMD_ASSIGN_OR_RETURN(uint32_t block, parameters.number("blockSizeTokens", kBlockTokens, kMax));
  block = std::max(block, kBlockTokensMin);
  LLMD_ASSIGN_OR_RETURN(options.auto_tune, parameters.boolean("autoTune", true));
  LLMD_ASSIGN_OR_RETURN(const uint32_t capacity,
                        parameters.number("lruCapacityPerServer", kCapacityBlocks, kMax));
  LLMD_ASSIGN_OR_RETURN(const uint32_t blocks,
                        parameters.number("maxPrefixBlocksToMatch", 0, kMax));
  if (blocks > 0) options.prefix_tokens_max = uint64_t{blocks} * block;
  LLMD_ASSIGN_OR_RETURN(const uint32_t tokens,
                        parameters.number("maxPrefixTokensToMatch", 0, kMax));
  if (tokens > 0) options.prefix_tokens_max = tokens;
  options.capacity_tokens = uint64_t{capacity} * block;
  return make_plugin<ApproxPrefixCacheProducer>(options);
}

/// Upstream holds requests back for a window and places those that begin alike together. The index
/// counts a request once it is placed, so the next one follows it and nobody waits.
Made make_burst_prefix_cache_producer(resources::Fields& parameters, Registry&) {
  for (const std::string_view key :
       {"windowDurationMs", "maxPerReplica", "blockSizeTokens", "maxPrefixTokensToMatch",
        "minColocateBlocks", "maxBatchSize"}) {
    LLMD_RETURN_IF_ERROR(parameters.integer(key, 0));
  }
  LLMD_RETURN_IF_ERROR(parameters.text("balanceBy", "requests"));
  return make_plugin<ApproxPrefixCacheProducer>(ApproxIndexOptions{});
}

}  // namespace llmd::schedule
