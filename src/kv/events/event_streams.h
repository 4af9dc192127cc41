// SPDX-License-Identifier: Apache-2.0
// The streams of an EventSubscriber: over a connection of their own, or many over one bound socket.
// All on the subscriber's thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "kv/events/event_subscriber.h"
#include "kv/events/frames.h"

namespace llmd::kv {

/// What the streams of one subscriber share.
struct StreamHost {
  net::EventLoop& loop;
  zmq::context_t& context;
  const SubscriberOptions& options;
  SubscriberReport totals = {};  ///< without its streams
  uint64_t monitors = 0;         ///< made so far, to name the next
};

/// A SUB socket with the options' limits and filter.
zmq::socket_t subscribed(StreamHost& host);

/// A follower with its consumer and its timer.
class FollowedStream {
 public:
  FollowedStream(StreamHost& host, ReplayTransport& transport,
                 std::unique_ptr<StreamConsumer> consumer);

  /// Any call of the follower: `call(follower)`.
  template <typename Call>
  void with(const Call& call) {
    call(follower_);
    schedule();
  }
  StreamReport report(StreamId id) const;

 private:
  void schedule();

  SteadyClock clock_;
  std::unique_ptr<StreamConsumer> consumer_;
  StreamFollower follower_;
  net::Timer timer_;
  std::optional<TimePoint> due_;
};

/// One engine's stream over sockets of its own.
class ConnectedStream final : private ReplayTransport {
 public:
  ConnectedStream(StreamHost& host, const net::Address& events,
                  const std::optional<net::Address>& replay,
                  std::unique_ptr<StreamConsumer> consumer);
  ~ConnectedStream() override;

  void resync();
  StreamReport report(StreamId id) const { return stream_.report(id); }

 private:
  bool ask(uint64_t from_seq) override;
  void cancel() override;
  void send_request(uint64_t from_seq);
  void open();
  void reopen();
  void on_connection(std::span<const std::string_view> frames);
  void on_connected();
  void on_live(std::span<const std::string_view> frames);
  void on_reply(std::span<const std::string_view> frames);

  StreamHost& host_;
  std::string events_endpoint_;
  std::optional<std::string> replay_endpoint_;
  FollowedStream stream_;
  bool was_connected_ = false;
  TimePoint monitored_{};  ///< the last turn in which `monitor_` was looked at for `live_`
  net::Timer reopen_;
  std::unique_ptr<ZmqReceiver> monitor_;
  std::unique_ptr<ZmqReceiver> live_;
  std::shared_ptr<ZmqReceiver> replies_;  ///< a new socket for each request: no late answers
};

/// Everything that comes in over one bound socket.
class PublishedStreams final : private ReplayTransport {
 public:
  PublishedStreams(StreamHost& host, zmq::socket_t socket, std::atomic<StreamId>& last_id,
                   EventSubscriber::MakeConsumer make_consumer);

  /// Whether one of them has this name, and is gone now.
  bool remove(StreamId id);
  void append_reports(std::vector<StreamReport>& out) const;

 private:
  /// Ranks of one engine may use the same topic, each with numbers of its own.
  using Key = std::pair<std::string, std::optional<uint32_t>>;
  struct Published {
    Published(StreamId name, StreamHost& host, ReplayTransport& transport,
              std::unique_ptr<StreamConsumer> consumer)
        : id(name), stream(host, transport, std::move(consumer)) {}
    StreamId id;
    FollowedStream stream;
  };

  bool ask(uint64_t) override { return false; }
  void cancel() override {}
  void on_message(std::span<const std::string_view> frames);
  Published* find_or_make(const LiveMessage& message);

  StreamHost& host_;
  std::atomic<StreamId>& last_id_;
  EventSubscriber::MakeConsumer make_consumer_;
  std::map<Key, Published> streams_;
  ZmqReceiver receiver_;
};

}  // namespace llmd::kv
