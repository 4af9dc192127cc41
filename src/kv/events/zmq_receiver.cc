// SPDX-License-Identifier: Apache-2.0
#include "kv/events/zmq_receiver.h"

#include <algorithm>

namespace llmd::kv {
namespace {

constexpr int kMessagesPerTurn = 64;
constexpr int kReconnectAfterMs = 100;
constexpr int kReconnectAfterMaxMs = 2000;
constexpr int kConnectTimeoutMs = 5000;
constexpr int kKeepaliveIdleS = 20;
constexpr int kKeepaliveEveryS = 10;
constexpr int kKeepaliveCount = 3;

}  // namespace

zmq::socket_t open_socket(zmq::context_t& context, zmq::socket_type type, const ZmqLimits& limits) {
  zmq::socket_t socket(context, type);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::ipv6, true);
  socket.set(zmq::sockopt::rcvhwm, limits.queued_messages_max);
  socket.set(zmq::sockopt::maxmsgsize, limits.frame_bytes_max);
  socket.set(zmq::sockopt::reconnect_ivl, kReconnectAfterMs);
  socket.set(zmq::sockopt::reconnect_ivl_max, kReconnectAfterMaxMs);
  socket.set(zmq::sockopt::connect_timeout, kConnectTimeoutMs);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, kKeepaliveIdleS);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, kKeepaliveEveryS);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, kKeepaliveCount);
  return socket;
}

std::string bound_endpoint(zmq::socket_t& socket) {
  return socket.get(zmq::sockopt::last_endpoint);
}

ZmqReceiver::ZmqReceiver(net::EventLoop& loop, zmq::socket_t socket, OnMessage on_message)
    : TurnEnd(loop),
      socket_(std::move(socket)),
      on_message_(std::move(on_message)),
      watch_(loop, socket_.get(zmq::sockopt::fd), [this] { receive(); }) {
  call_at_turn_end();  // what was done to the socket before may have swallowed a signal
}

void ZmqReceiver::receive() {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    if (stopped_ || !receive_one()) return;
  }
  call_at_turn_end();
}

bool ZmqReceiver::receive_one() {
  std::array<std::string_view, kFramesMax> frames;
  size_t count = 0;
  for (bool more = true; more; ++count) {
    zmq::message_t& part = parts_[std::min(count, kFramesMax)];
    if (!socket_.recv(part, zmq::recv_flags::dontwait)) return false;  // messages come whole
    if (count < kFramesMax) frames[count] = part.to_string_view();
    more = part.more();
  }
  on_message_(std::span(frames).first(std::min(count, kFramesMax)));
  return true;
}

}  // namespace llmd::kv
