// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "kv/index/followed_caches.h"
#include "kv/index/index_reader.h"
#include "schedule/producers/approx_prefix_cache_producer.h"
#include "schedule/recent_placements.h"

namespace llmd::schedule {

struct PreciseIndexOptions {
  uint16_t events_port = 5557;  ///< of rank 0; further ranks follow
  uint16_t replay_port = 0;     ///< likewise; 0: engines do not replay
  /// How much a cached token counts for, by tier. The storage's is our own: upstream counts an
  /// unknown tier like the engine's own memory.
  std::array<double, kv::kTiers> weights = {1.0, 0.8, 0.5};
  bool expects_placed = true;  ///< what was just sent somewhere counts as held there
  Duration expected_for = std::chrono::seconds(10);
};

/// What each endpoint holds of a prompt, as its engine's events tell. For prompts whose token ids
/// are unknown, and endpoints that do not publish events, the approximate index's answer; for
/// endpoints of which events are missing, the greater of both.
class PrecisePrefixCacheProducer : public PrefixProducer {
 public:
  explicit PrecisePrefixCacheProducer(const PreciseIndexOptions& options);

  bool outlives_configuration() const override { return true; }
  bool wants_token_keys() const override { return true; }
  void watch(const endpoints::Endpoint& endpoint) override;
  void produce(const Query& query) override;
  uint32_t matched_tokens(uint32_t slot) const override;
  bool is_full(uint32_t slot) const override;
  uint32_t total_tokens() const override { return total_tokens_; }
  void placed(const Query& query, const endpoints::Endpoint& endpoint) override;
  void forget(uint32_t slot) override;
  void publish_metrics(observe::Registry& registry, const std::string& pool) const override;

  /// In the place of following endpoints over the network. Before the first watch().
  void use(std::unique_ptr<kv::FollowedCaches> caches);

 private:
  void match(std::span<const kv::BlockKey> prompt, TimePoint now);
  void check_accuracy(const endpoints::Endpoint& endpoint);
  bool is_trusted(uint32_t slot) const;
  bool follows() const { return caches_ != nullptr; }

  const PreciseIndexOptions options_;
  ApproxPrefixCacheProducer approx_;
  std::unique_ptr<kv::FollowedCaches> caches_;  ///< null until there is an endpoint to follow
  std::optional<kv::IndexReader> reader_;
  RecentPlacements recent_;

  /// What answers say of the index, by slot.
  struct Trust {
    bool is_poor = false;
    uint64_t asked_anew_at = 0;  ///< answers by then
  };
  std::vector<Trust> trust_;

  // Of the last produce():
  bool knows_ids_ = false;
  uint32_t total_tokens_ = 0;
  std::vector<uint32_t> matched_;          ///< tokens by slot, of all prompts
  std::vector<uint32_t> blocks_;           ///< by slot, of one prompt
  std::vector<uint32_t> held_;             ///< scratch: of these, what engines said
  std::vector<uint64_t> capacity_tokens_;  ///< by slot; 0: unknown
};

}  // namespace llmd::schedule
