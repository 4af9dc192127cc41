// SPDX-License-Identifier: Apache-2.0
#include "kv/events/event_publisher.h"

#include <algorithm>

#include "kv/events/frames.h"

namespace llmd::kv {
namespace {

constexpr int kReplayMessagesBeyond = 1000;  ///< in a client's queue, over one whole replay

}  // namespace

Result<std::unique_ptr<EventPublisher>> EventPublisher::start(const PublisherConfig& config) {
  std::unique_ptr<EventPublisher> publisher(new EventPublisher(config));
  try {
    publisher->open();
  } catch (const zmq::error_t& error) {
    const std::string replay = config.replay_endpoint ? " or " + *config.replay_endpoint : "";
    return Error{Errc::kIo,
                 "cannot publish KV events at " + config.endpoint + replay + ": " + error.what()};
  }
  publisher->thread_ = std::thread([&loop = publisher->loop_] { loop.run(); });
  return publisher;
}

EventPublisher::EventPublisher(const PublisherConfig& config)
    : config_(config), endpoint_(config.endpoint) {}

EventPublisher::~EventPublisher() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void EventPublisher::open() {
  live_ = open_socket(context_, zmq::socket_type::pub, {});
  live_.set(zmq::sockopt::sndhwm, static_cast<int>(config_.hwm));
  if (binds(config_.endpoint)) {
    live_.bind(config_.endpoint);
    endpoint_ = bound_endpoint(live_);
  } else {
    live_.connect(config_.endpoint);
  }
  if (!config_.replay_endpoint) return;
  zmq::socket_t replay = open_socket(context_, zmq::socket_type::router, {});
  replay.set(zmq::sockopt::sndhwm, static_cast<int>(config_.buffer_steps) + kReplayMessagesBeyond);
  replay.set(zmq::sockopt::router_mandatory, true);  // so that a full queue is seen
  replay.bind(*config_.replay_endpoint);
  replay_endpoint_ = bound_endpoint(replay);
  replay_ = std::make_unique<ZmqReceiver>(loop_, std::move(replay),
                                          [this](const auto& frames) { on_request(frames); });
}

bool EventPublisher::publish(std::string payload) {
  const uint64_t seq = next_seq_++;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= config_.max_queue_size) return false;
    wake = queue_.empty();
    queue_.push_back({seq, std::move(payload)});
  }
  if (wake) loop_.post([this] { send_queued(); });
  return true;
}

void EventPublisher::send_queued() {
  {
    const std::lock_guard lock(mutex_);
    sending_.swap(queue_);
  }
  for (Numbered& batch : sending_) send(std::move(batch));
  sending_.clear();
}

/// A PUB socket never waits: what a subscriber has no room for is not sent to it.
void EventPublisher::send(Numbered&& batch) {
  zmq::message_t payload(batch.payload.data(), batch.payload.size());
  zmq::message_t shared;
  shared.copy(payload);
  live_.send(zmq::buffer(config_.topic), zmq::send_flags::sndmore);
  live_.send(zmq::buffer(encode_seq(batch.seq)), zmq::send_flags::sndmore);
  live_.send(shared, zmq::send_flags::none);
  if (!replay_ || config_.buffer_steps == 0) return;
  if (sent_.size() == config_.buffer_steps) sent_.pop_front();
  sent_.push_back({batch.seq, std::move(payload)});
}

/// A client that reads too slowly, or is gone, gets no more; it will ask again from there.
void EventPublisher::on_request(std::span<const std::string_view> frames) {
  if (frames.size() != 3 || !frames[1].empty()) return;
  const auto from = decode_seq(frames[2]);
  if (!from) return;
  const std::string identity(frames[0]);
  const auto before = [](const Sent& sent, uint64_t seq) { return sent.seq < seq; };
  auto next = std::lower_bound(sent_.begin(), sent_.end(), *from, before);
  for (; next != sent_.end(); ++next) {
    if (!reply(identity, config_.topic, next->seq, next->payload)) return;
  }
  zmq::message_t nothing;
  reply(identity, {}, kReplayEnd, nothing);
}

bool EventPublisher::reply(std::string_view identity, std::string_view topic, uint64_t seq,
                           zmq::message_t& payload) {
  constexpr auto kMore = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
  zmq::socket_t& socket = replay_->socket();
  zmq::message_t shared;
  shared.copy(payload);
  try {
    if (!socket.send(zmq::buffer(identity), kMore)) return false;
    socket.send(zmq::message_t(), kMore);
    socket.send(zmq::buffer(topic), kMore);
    socket.send(zmq::buffer(encode_seq(seq)), kMore);
    socket.send(shared, zmq::send_flags::dontwait);
  } catch (const zmq::error_t&) {
    return false;  // the client is gone
  }
  return true;
}

}  // namespace llmd::kv
