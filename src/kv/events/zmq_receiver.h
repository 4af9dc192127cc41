// SPDX-License-Identifier: Apache-2.0
// A ZMQ socket on an event loop.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <zmq.hpp>

#include "base/result.h"
#include "net/event_loop.h"

namespace llmd::kv {

/// What bounds a socket that reads from the network.
struct ZmqLimits {
  int queued_messages_max = 10'000;      ///< waiting to be received, per connection
  int64_t frame_bytes_max = 64LL << 20;  ///< a connection that sends a larger one is broken
  /// A broken connection that is not back by then is made anew: ZMQ itself gives up those that
  /// broke its rules, as with too large a frame.
  Duration reopen_after = std::chrono::seconds(10);
};

/// A socket that gives up at once when closed, speaks IPv6 too, and notices peers that vanished.
zmq::socket_t open_socket(zmq::context_t& context, zmq::socket_type type, const ZmqLimits& limits);

/// "tcp://…" that the socket is bound to.
std::string bound_endpoint(zmq::socket_t& socket);

/// Gives each message that arrives to a callback, a bounded number in each turn of the loop. Loop
/// thread only.
class ZmqReceiver final : private net::TurnEnd {
 public:
  /// The frames live as long as the call. More than 4 of them are cut.
  using OnMessage = std::function<void(std::span<const std::string_view> frames)>;

  ZmqReceiver(net::EventLoop& loop, zmq::socket_t socket, OnMessage on_message);

  /// Receives what waits. To be called after every other use of the socket, which may have
  /// swallowed the news that something does.
  void receive();
  /// No more callbacks: for one that is closed from within its own.
  void stop() { stopped_ = true; }
  zmq::socket_t& socket() { return socket_; }

 private:
  static constexpr size_t kFramesMax = 4;

  void on_turn_end() override { receive(); }
  bool receive_one();

  zmq::socket_t socket_;
  OnMessage on_message_;
  bool stopped_ = false;
  std::array<zmq::message_t, kFramesMax + 1> parts_;  ///< the last takes what is too much
  net::FdWatch watch_;
};

}  // namespace llmd::kv
