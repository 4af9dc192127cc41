// SPDX-License-Identifier: Apache-2.0
// One engine and its HTTP surface; a process of simulated ones has many.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/call_after.h"
#include "engine/api/api_server.h"
#include "engine/api/engine_kind.h"
#include "engine/api/kv_events.h"
#include "net/event_loop.h"

namespace llmd::engine {

struct EngineProcessOptions;

/// What the engines of one process share; all of it outlives them.
struct EngineSurroundings {
  net::EventLoop& loop;
  EngineKind& kind;
  const Clock& clock;
  CallAfter call_after;  ///< on `clock`
};

/// Loop thread only.
class EngineInstance {
 public:
  /// `number` counts the engines of the process from 0; `rank` is its data-parallel rank.
  EngineInstance(const EngineSurroundings& around, const EngineProcessOptions& options,
                 uint32_t number, uint32_t rank);

  /// Returns the port, also for port 0.
  Result<uint16_t> listen(const std::string& host, uint16_t port);
  /// From now on. Once, before the engine is used.
  Result<void> publish_kv_events(const kv::PublisherConfig& config, KvEventSource source);
  /// Null: it publishes none.
  const KvEvents* kv_events() const { return kv_events_.get(); }
  /// Refuses new requests with 503, lets the running ones end, then calls `done`.
  void drain(std::function<void()> done) { server_.drain(std::move(done)); }
  void set_starting(bool starting) { server_.set_starting(starting); }
  size_t requests() const { return engine_.requests(); }

 private:
  net::EventLoop& loop_;
  observe::Registry registry_;
  Engine engine_;
  std::unique_ptr<KvEvents> kv_events_;
  ApiServer server_;
};

}  // namespace llmd::engine
