// SPDX-License-Identifier: Apache-2.0
// One engine's KV events, from its block pool to the network.
#pragma once

#include <memory>
#include <string>

#include "engine/api/kv_event_recorder.h"
#include "kv/events/event_publisher.h"
#include "net/event_loop.h"
#include "observe/metrics.h"

namespace llmd::engine {

/// Which engine of its process publishes, and where.
struct KvEventSource {
  uint32_t offset = 0;  ///< ports grow by it
  uint32_t rank = 0;    ///< data-parallel
  std::string host;     ///< not empty: stands for the `*` of endpoints
  uint32_t block_size = 0;
};

/// One batch for each turn of the loop, which a step does not outlast. Loop thread only.
class KvEvents final : private net::TurnEnd {
 public:
  /// An error when an endpoint cannot be had. Pool and loop outlive it.
  static Result<std::unique_ptr<KvEvents>> start(const kv::PublisherConfig& config,
                                                 const KvEventSource& source, net::EventLoop& loop,
                                                 BlockPool& pool, observe::Registry& registry);

  /// "tcp://127.0.0.1:5557", and " replay tcp://…" where there is one: as bound.
  std::string where() const;

 private:
  KvEvents(std::unique_ptr<kv::EventPublisher> publisher, kv::EventForm form,
           const KvEventSource& source, net::EventLoop& loop, BlockPool& pool,
           observe::Registry& registry);
  void on_turn_end() override;

  observe::Counter published_;
  observe::Counter dropped_;
  std::unique_ptr<kv::EventPublisher> publisher_;
  KvEventRecorder recorder_;
};

}  // namespace llmd::engine
