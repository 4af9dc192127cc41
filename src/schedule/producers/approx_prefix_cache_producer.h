// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "schedule/plugin.h"
#include "schedule/prefix_index.h"

namespace llmd::schedule {

struct ApproxIndexOptions {
  bool auto_tune = true;         ///< capacities as the engines report them
  uint64_t capacity_tokens = 0;  ///< otherwise, and for engines that do not say
  uint64_t prefix_tokens_max = 131'072;
};

/// Remembers which prompts went where. Keeps only what fits into each engine's own cache.
class ApproxPrefixCacheProducer final : public PrefixProducer {
 public:
  explicit ApproxPrefixCacheProducer(const ApproxIndexOptions& options) : options_(options) {}

  bool outlives_configuration() const override { return true; }
  void produce(const Query& query) override;
  /// Units are shares of the prompt, however many tokens that has.
  uint32_t matched_tokens(uint32_t slot) const override {
    if (slot >= matched_units_.size()) return 0;
    return static_cast<uint32_t>(uint64_t{matched_units_[slot]} * total_tokens_ / total_units_);
  }
  bool is_full(uint32_t slot) const override { return index_.is_full(slot); }
  uint32_t total_tokens() const override { return total_tokens_; }
  void placed(const Query& query, const endpoints::Endpoint& endpoint) override;
  void forget(uint32_t slot) override { index_.clear(slot); }

 private:
  std::span<const uint64_t> leading(std::span<const uint64_t> prompt) const;
  uint64_t capacity_of(const endpoints::Endpoint& endpoint) const;

  ApproxIndexOptions options_;
  PrefixIndex index_;
  std::vector<uint32_t> matched_units_;  ///< by slot, of all prompts
  std::vector<uint32_t> scratch_;        ///< of one prompt
  uint32_t total_tokens_ = 0;
  uint32_t total_units_ = 1;
};

}  // namespace llmd::schedule
