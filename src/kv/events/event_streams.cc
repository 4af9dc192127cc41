// SPDX-License-Identifier: Apache-2.0
#include "kv/events/event_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "kv/events/batch_reader.h"

namespace llmd::kv {
namespace {

std::string endpoint_of(const net::Address& address) { return "tcp://" + address.to_string(); }

/// Tells of each connection that `socket` makes and loses. Before the socket connects.
zmq::socket_t monitor_of(zmq::socket_t& socket, StreamHost& host) {
  const std::string endpoint = fmt::format("inproc://monitor-{}", host.monitors++);
  constexpr int kEvents = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED;
  if (zmq_socket_monitor(socket.handle(), endpoint.c_str(), kEvents) != 0) throw zmq::error_t();
  zmq::socket_t monitor = open_socket(host.context, zmq::socket_type::pair, host.options.zmq);
  monitor.connect(endpoint);
  return monitor;
}

/// Counts it; nothing when it is no batch.
std::optional<LiveMessage> counted(StreamHost& host, std::span<const std::string_view> frames) {
  const auto message = parse_live(frames);
  ++host.totals.messages;
  if (message) {
    host.totals.bytes += message->payload.size();
  } else {
    ++host.totals.malformed;
  }
  return message;
}

}  // namespace

zmq::socket_t subscribed(StreamHost& host) {
  zmq::socket_t socket = open_socket(host.context, zmq::socket_type::sub, host.options.zmq);
  socket.set(zmq::sockopt::subscribe, host.options.topic_filter);
  return socket;
}

FollowedStream::FollowedStream(StreamHost& host, ReplayTransport& transport,
                               std::unique_ptr<StreamConsumer> consumer)
    : consumer_(std::move(consumer)),
      follower_(clock_, transport, *consumer_, host.options.follower),
      timer_(host.loop) {}

void FollowedStream::schedule() {
  const auto deadline = follower_.deadline();
  if (deadline == due_) return;
  due_ = deadline;
  if (!due_) return timer_.cancel();
  const Duration after = std::max<Duration>(*due_ - clock_.now(), Duration{});
  timer_.start(after, [this] {
    due_.reset();
    with([](StreamFollower& follower) { follower.on_deadline(); });
  });
}

StreamReport FollowedStream::report(StreamId id) const {
  return {id,
          follower_.counters(),
          follower_.partial(),
          follower_.replaying(),
          follower_.held_batches(),
          follower_.lag()};
}

ConnectedStream::ConnectedStream(StreamHost& host, const net::Address& events,
                                 const std::optional<net::Address>& replay,
                                 std::unique_ptr<StreamConsumer> consumer)
    : host_(host),
      events_endpoint_(endpoint_of(events)),
      stream_(host, *this, std::move(consumer)),
      reopen_(host.loop) {
  if (replay) replay_endpoint_ = endpoint_of(*replay);
  open();
}

void ConnectedStream::open() {
  zmq::socket_t socket = subscribed(host_);
  monitor_ = std::make_unique<ZmqReceiver>(host_.loop, monitor_of(socket, host_),
                                           [this](const auto& frames) { on_connection(frames); });
  socket.connect(events_endpoint_);
  live_ = std::make_unique<ZmqReceiver>(host_.loop, std::move(socket),
                                        [this](const auto& frames) { on_live(frames); });
}

ConnectedStream::~ConnectedStream() = default;

void ConnectedStream::resync() {
  stream_.with([](StreamFollower& follower) { follower.resync(); });
}

void ConnectedStream::on_connection(std::span<const std::string_view> frames) {
  uint16_t event = 0;
  if (frames.empty() || frames[0].size() < sizeof event) return;
  std::memcpy(&event, frames[0].data(), sizeof event);
  if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) return on_connected();
  reopen_.start(host_.options.zmq.reopen_after, [this] { reopen(); });
}

void ConnectedStream::reopen() {
  try {
    open();
  } catch (const zmq::error_t& error) {
    log::warn("KV events: cannot follow {}: {}", events_endpoint_, error.what());
  }
  reopen_.start(host_.options.zmq.reopen_after, [this] { reopen(); });
}

void ConnectedStream::on_connected() {
  reopen_.cancel();
  const bool again = std::exchange(was_connected_, true);
  host_.totals.reconnects += again ? 1 : 0;
  stream_.with([&](StreamFollower& follower) {
    if (again) return follower.on_reconnected();
    follower.start();
  });
}

/// A new connection comes before what was sent over it; looking once in a turn of the loop is
/// enough, as a follower that hears of it a little late still sees whether the engine is another.
void ConnectedStream::on_live(std::span<const std::string_view> frames) {
  if (std::exchange(monitored_, host_.loop.now()) != host_.loop.now()) monitor_->receive();
  const auto message = counted(host_, frames);
  if (!message) return;
  stream_.with([&](StreamFollower& follower) { follower.on_live(message->seq, message->payload); });
}

bool ConnectedStream::ask(uint64_t from_seq) {
  cancel();
  if (!replay_endpoint_) return false;
  try {
    send_request(from_seq);
  } catch (const zmq::error_t& error) {
    log::warn("KV events: cannot ask {} for a replay: {}", *replay_endpoint_, error.what());
    return false;
  }
  return true;
}

void ConnectedStream::send_request(uint64_t from_seq) {
  zmq::socket_t socket = open_socket(host_.context, zmq::socket_type::dealer, host_.options.zmq);
  socket.connect(*replay_endpoint_);
  socket.send(zmq::message_t(), zmq::send_flags::sndmore);
  socket.send(zmq::buffer(encode_seq(from_seq)), zmq::send_flags::none);
  replies_ = std::make_shared<ZmqReceiver>(host_.loop, std::move(socket),
                                           [this](const auto& frames) { on_reply(frames); });
}

/// Perhaps from within one of its own callbacks.
void ConnectedStream::cancel() {
  if (!replies_) return;
  replies_->stop();
  host_.loop.destroy_later(std::move(replies_));
}

void ConnectedStream::on_reply(std::span<const std::string_view> frames) {
  const auto message = parse_replay(frames);
  if (!message) {
    ++host_.totals.malformed;
    return;
  }
  stream_.with([&](StreamFollower& follower) {
    if (message->seq == kReplayEnd) return follower.on_replay_end();
    follower.on_replayed(message->seq, message->payload);
  });
}

PublishedStreams::PublishedStreams(StreamHost& host, zmq::socket_t socket,
                                   std::atomic<StreamId>& last_id,
                                   EventSubscriber::MakeConsumer make_consumer)
    : host_(host),
      last_id_(last_id),
      make_consumer_(std::move(make_consumer)),
      receiver_(host.loop, std::move(socket), [this](const auto& frames) { on_message(frames); }) {}

PublishedStreams::Published* PublishedStreams::find_or_make(const LiveMessage& message) {
  Key key{message.topic, read_rank(message.payload)};
  const auto found = streams_.find(key);
  if (found != streams_.end()) return &found->second;
  if (streams_.size() >= host_.options.published_streams_max) return nullptr;
  const TopicSource source = parse_topic(message.topic);
  auto consumer =
      make_consumer_({std::string(source.address), std::string(source.model), key.second});
  ReplayTransport& none = *this;
  const auto made =
      streams_.try_emplace(std::move(key), ++last_id_, host_, none, std::move(consumer));
  return &made.first->second;
}

void PublishedStreams::on_message(std::span<const std::string_view> frames) {
  const auto message = counted(host_, frames);
  if (!message) return;
  Published* const published = find_or_make(*message);
  if (published == nullptr) {
    ++host_.totals.refused;
    return;
  }
  published->stream.with(
      [&](StreamFollower& follower) { follower.on_live(message->seq, message->payload); });
}

bool PublishedStreams::remove(StreamId id) {
  return std::erase_if(streams_, [&](const auto& entry) { return entry.second.id == id; }) > 0;
}

void PublishedStreams::append_reports(std::vector<StreamReport>& out) const {
  for (const auto& [key, published] : streams_)
    out.push_back(published.stream.report(published.id));
}

}  // namespace llmd::kv
