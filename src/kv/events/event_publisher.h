// SPDX-License-Identifier: Apache-2.0
// Publishes batches of KV events over ZMQ as vLLM does, on a thread of its own.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "kv/events/publisher_config.h"
#include "kv/events/zmq_receiver.h"

namespace llmd::kv {

/// PUB with the frames topic, number, payload; and, where asked for, a ROUTER that repeats the
/// latest batches in the form of vLLM 0.26 and later.
class EventPublisher {
 public:
  /// Binds (or connects) before it returns; an error names what is taken or malformed.
  static Result<std::unique_ptr<EventPublisher>> start(const PublisherConfig& config);
  /// Ends the thread. What was not sent is dropped.
  ~EventPublisher();
  EventPublisher(const EventPublisher&) = delete;
  EventPublisher& operator=(const EventPublisher&) = delete;

  /// Hands over the next batch and does not wait. False when too many wait already: then this one
  /// is dropped, and subscribers see that its number is missing. One thread.
  bool publish(std::string payload);

  /// As bound, with the port; as configured where it connects.
  const std::string& endpoint() const { return endpoint_; }
  const std::optional<std::string>& replay_endpoint() const { return replay_endpoint_; }

 private:
  struct Numbered {
    uint64_t seq;
    std::string payload;
  };
  /// Of one that was sent; its memory is shared with what still waits in sockets.
  struct Sent {
    uint64_t seq;
    zmq::message_t payload;
  };

  explicit EventPublisher(const PublisherConfig& config);
  void open();
  void send_queued();
  void send(Numbered&& batch);
  void on_request(std::span<const std::string_view> frames);
  bool reply(std::string_view identity, std::string_view topic, uint64_t seq,
             zmq::message_t& payload);

  PublisherConfig config_;
  std::string endpoint_;
  std::optional<std::string> replay_endpoint_;
  zmq::context_t context_;
  net::EventLoop loop_;
  zmq::socket_t live_;
  std::unique_ptr<ZmqReceiver> replay_;
  std::deque<Sent> sent_;  ///< the latest buffer_steps
  uint64_t next_seq_ = 0;  ///< of publish()

  std::mutex mutex_;
  std::vector<Numbered> queue_;  ///< under the mutex
  std::vector<Numbered> sending_;
  std::thread thread_;
};

}  // namespace llmd::kv
