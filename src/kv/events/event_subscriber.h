// SPDX-License-Identifier: Apache-2.0
// Follows the KV events of many engines over ZMQ, on a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "kv/events/stream_follower.h"
#include "kv/events/zmq_receiver.h"
#include "net/socket.h"

namespace llmd::kv {

/// Names a stream within its subscriber, never twice.
using StreamId = uint64_t;

struct SubscriberOptions {
  std::string topic_filter = {};  ///< only topics that begin so; upstream's is "kv@"
  ZmqLimits zmq = {};
  FollowerLimits follower = {};
  size_t published_streams_max = 4096;  ///< that may come in over the bound socket
};

/// Who is heard on the bound socket: its topic says it, and the batch the rank.
struct PublishedSource {
  std::string address;
  std::string model;  ///< empty: the topic does not say
  std::optional<uint32_t> rank;
};

struct StreamReport {
  StreamId id = 0;
  FollowerCounters counters;
  bool partial = false;
  bool replaying = false;
  size_t held_batches = 0;
  Duration lag{};  ///< since the oldest batch came that has not been given to the consumer
};

struct SubscriberReport {
  uint64_t messages = 0;
  uint64_t bytes = 0;      ///< of payloads
  uint64_t malformed = 0;  ///< messages whose frames are no batch
  uint64_t reconnects = 0;
  uint64_t refused = 0;  ///< messages of sources beyond published_streams_max
  std::vector<StreamReport> streams;
};

/// Consumers are called and destroyed on the subscriber's thread. Everything here is safe from any
/// thread, but not from within a consumer.
class EventSubscriber {
 public:
  explicit EventSubscriber(SubscriberOptions options = {});
  /// Ends the thread; consumers hear nothing more.
  ~EventSubscriber();
  EventSubscriber(const EventSubscriber&) = delete;
  EventSubscriber& operator=(const EventSubscriber&) = delete;

  /// Connects to an engine's publisher, and asks at `replay` for what was missed.
  StreamId add(const net::Address& events, const std::optional<net::Address>& replay,
               std::unique_ptr<StreamConsumer> consumer);
  void remove(StreamId id);
  /// Forgets the stream and asks for it anew.
  void resync(StreamId id);

  /// For engines that connect to us: binds e.g. "tcp://0.0.0.0:5557" (port *: any free one) and
  /// gives the endpoint that it became. Each source that is heard gets a consumer from
  /// `make_consumer`, and can have no replay. Once.
  using MakeConsumer = std::function<std::unique_ptr<StreamConsumer>(const PublishedSource&)>;
  Result<std::string> bind(const std::string& endpoint, MakeConsumer make_consumer);

  /// As of some tenths of a second ago.
  SubscriberReport report() const;

 private:
  struct Impl;
  net::EventLoop loop_;
  std::atomic<StreamId> last_id_ = 0;
  std::unique_ptr<Impl> impl_;  ///< touched on the thread, but for what says otherwise
  std::thread thread_;
};

}  // namespace llmd::kv
