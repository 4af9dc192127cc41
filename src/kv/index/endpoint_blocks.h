// SPDX-License-Identifier: Apache-2.0
// What one engine says of its caches, put into the index.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "kv/events/event.h"
#include "kv/index/block_index.h"
#include "kv/index/engine_keys.h"

namespace llmd::kv {

/// Of one endpoint since it was opened; counters but for the first two.
struct EndpointFigures {
  uint64_t entries = 0;      ///< blocks that it holds, in all tiers and groups, now
  uint64_t parked = 0;       ///< events that wait for their parent, now
  uint64_t stored = 0;       ///< blocks
  uint64_t removed = 0;      ///< blocks
  uint64_t orphans = 0;      ///< events given up: their parent, or what they name, never came
  uint64_t unsupported = 0;  ///< events of block sizes or layer groups that the index cannot show
  uint64_t refused = 0;      ///< blocks left out because the endpoint had its share of memory
};

struct EndpointLimits {
  uint64_t entries_max = 16'000'000;  ///< 256 million tokens: beyond any engine's memory
  size_t parked_max = 1024;           ///< events
  size_t parked_tokens_max = 1 << 20;
  Duration parked_for = std::chrono::seconds(30);
};

/// The engine's hashes are names that it gave, and each is resolved within this endpoint only. A
/// block that several events store is held until as many have removed it. Thread of the index's
/// writer only.
class EndpointBlocks final : public EventSink {
 public:
  /// `index` and `clock` must outlive it. `endpoint` is the caller's id.
  EndpointBlocks(BlockIndex& index, const Clock& clock, uint32_t endpoint,
                 EndpointLimits limits = {});
  ~EndpointBlocks() override;
  EndpointBlocks(const EndpointBlocks&) = delete;
  EndpointBlocks& operator=(const EndpointBlocks&) = delete;

  void on_stored(const StoredEvent& event) override;
  void on_removed(const RemovedEvent& event) override;
  void on_cleared(const ClearedEvent& event) override;

  /// Whether something was left out, so that the endpoint holds more than the index says. Until
  /// the next clear.
  bool is_partial() const { return is_partial_; }
  EndpointFigures figures() const;
  size_t bytes() const;

 private:
  /// What the endpoint holds in one tier for one group of layers.
  struct Cache {
    Tier tier;
    uint32_t group;
    size_t plane;
    size_t parts = 1;  ///< blocks of the index in one of the engine's
    EngineKeys keys;
  };
  /// An event that waits for its parent, which owns what StoredEvent only refers to.
  struct Parked {
    std::vector<EngineHash> hashes;
    std::vector<uint32_t> tokens;
    std::vector<uint64_t> extra;
    std::string lora_name;
    std::string medium;
    StoredEvent event;
    TimePoint since;
  };
  using ParkedPlace = std::list<Parked>::iterator;
  using ParkedBy = std::unordered_multimap<EngineHash, ParkedPlace>;

  bool open();
  void clear();
  Cache* cache_of(const StoredEvent& event);
  Cache* find_cache(Tier tier, uint32_t group);
  std::optional<BlockKey> key_of(EngineHash hash, uint32_t group) const;
  std::optional<BlockKey> parent_key(const StoredEvent& event) const;
  void store(const StoredEvent& event, BlockKey parent);
  void store_named(const StoredEvent& event);
  void add_soon(Cache& cache, EngineHash hash, BlockKey key);
  void add_coming(Cache& cache);
  void add(Cache& cache, EngineHash hash, BlockKey key);
  void prefetch(const Cache& cache, std::span<const EngineHash> hashes) const;
  void remove_block(Cache* cache, EngineHash hash);
  void remove(Cache& cache, EngineHash hash);
  void park(const StoredEvent& event);
  void unpark_children(std::span<const EngineHash> stored);
  void cut_parked(EngineHash removed);
  void drop_parked(ParkedPlace parked);
  void give_up(ParkedPlace parked);
  void expire_parked();

  BlockIndex& index_;
  const Clock& clock_;
  const uint32_t endpoint_;
  const EndpointLimits limits_;
  std::optional<Lane> lane_;
  std::vector<Cache> caches_;
  std::vector<std::pair<EngineHash, BlockKey>> coming_;  ///< of the event that is being stored
  std::list<Parked> parked_;                             ///< the oldest first
  size_t parked_tokens_ = 0;
  ParkedBy by_parent_;
  ParkedBy by_block_;
  uint64_t held_ = 0;  ///< blocks in the index
  EndpointFigures figures_;
  bool is_partial_ = false;
};

}  // namespace llmd::kv
