// SPDX-License-Identifier: Apache-2.0
// The index kept up to date by the events of the engines themselves.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "kv/events/event_subscriber.h"
#include "kv/index/block_index.h"
#include "kv/index/cache_stream.h"
#include "kv/index/followed_caches.h"

namespace llmd::kv {

/// As of its last batch of events.
struct SourceReport {
  Knowledge knowledge = Knowledge::kNothing;
  EndpointFigures figures;
  uint64_t unread_events = 0;  ///< broken, or of unknown types
  uint64_t bytes = 0;          ///< of its engine's hashes
  StreamReport stream;
};

/// Follows them over the network. The index is written by a thread of its own.
class LiveIndex final : public FollowedCaches {
 public:
  LiveIndex() = default;

  void follow(uint32_t slot, const EventSource& source) override;
  void forget(uint32_t slot) override;
  BlockIndex& index() override { return index_; }
  std::optional<uint32_t> slot_of(uint32_t endpoint) const override;
  Knowledge knowledge(uint32_t slot) const override;
  uint64_t entries(uint32_t slot) const override;
  void publish_metrics(observe::Registry& registry, const std::string& pool) const override;

  struct Report {
    SubscriberReport subscriber;
    std::vector<SourceReport> sources;
    size_t blocks = 0;  ///< different ones
    size_t bytes = 0;   ///< of the index, without the engines' hashes
  };
  Report report() const;

 private:
  /// What the index's thread tells of one endpoint.
  struct Shared {
    std::atomic<Knowledge> knowledge = Knowledge::kNothing;
    std::atomic<uint64_t> entries = 0;
    std::atomic<uint64_t> parked = 0;
    std::atomic<uint64_t> stored = 0;
    std::atomic<uint64_t> removed = 0;
    std::atomic<uint64_t> orphans = 0;
    std::atomic<uint64_t> unsupported = 0;
    std::atomic<uint64_t> refused = 0;
    std::atomic<uint64_t> unread_events = 0;
    std::atomic<uint64_t> bytes = 0;
  };
  struct Followed {
    EventSource source;
    uint32_t endpoint = 0;  ///< its id in the index
    StreamId stream = 0;
    std::shared_ptr<Shared> shared;
  };
  struct Sizes {
    std::atomic<size_t> blocks = 0;
    std::atomic<size_t> bytes = 0;
  };

  const Followed* find(uint32_t slot) const;
  void tell(const CacheStream& stream, Shared& shared);

  SteadyClock clock_;
  BlockIndex index_;
  Sizes sizes_;
  uint64_t told_ = 0;                                ///< the index's thread only
  std::unordered_map<uint32_t, Followed> followed_;  ///< by slot
  std::unordered_map<uint32_t, uint32_t> slots_;     ///< by id in the index
  uint32_t next_endpoint_ = 0;
  EventSubscriber subscriber_;  ///< last: its thread ends before what it writes to
};

}  // namespace llmd::kv
