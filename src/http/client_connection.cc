// SPDX-License-Identifier: Apache-2.0
#include "http/client_connection.h"

#include <algorithm>
#include <utility>

namespace llmd::http {

namespace {
constexpr int kReadsPerTurn = 4;
}  // namespace

ClientConnection::ClientConnection(ClientPool& pool, const net::Address& to)
    : pool_(pool), stream_(pool.loop, *this), address_(to) {}

void ClientConnection::set_state(State state) {
  state_ = state;
  deadline_ = pool_.loop.now() + timeout();
}

Duration ClientConnection::timeout() const {
  const ClientOptions& options = pool_.options;
  switch (state_) {
    case State::kConnecting:
      return options.connect_timeout;
    case State::kSending:
      return options.send_timeout;
    case State::kHead:
      return options.first_byte_timeout;
    case State::kBody:
      return options.read_timeout;
    case State::kIdle:
    case State::kClosed:
      break;
  }
  return options.idle_timeout;
}

void ClientConnection::connect() {
  set_state(State::kConnecting);
  auto fd = net::start_connect(address_);
  if (fd) {
    stream_.open(*fd, true);
    return;
  }
  // Told later, as start() promises.
  pool_.loop.post([this, weak = weak_from_this(), why = std::move(fd).error().message] {
    if (!weak.expired() && state_ == State::kConnecting) {
      fail(ClientFailure::Kind::kConnect, why);
    }
  });
}

void ClientConnection::start(Call& call, const ClientRequest& request) {
  call_ = &call;
  call.connection_ = this;
  request_ = request;
  left_ = {request.head, request.body[0], request.body[1], request.body[2]};
  scanner_.reset();
  in_.clear();
  answered_ = paused_ = false;
  reused_ = state_ == State::kIdle;
  if (!reused_) return connect();
  set_state(State::kSending);
  send_more();
}

void ClientConnection::send_more() {
  iovec parts[std::tuple_size_v<decltype(left_)>];
  std::ranges::transform(left_, parts, [](std::string_view part) {
    return iovec{const_cast<char*>(part.data()), part.size()};
  });
  size_t sent = stream_.send(parts);
  for (std::string_view& part : left_) {
    const size_t of_part = std::min(sent, part.size());
    part.remove_prefix(of_part);
    sent -= of_part;
  }
  set_state(all_sent() ? State::kHead : State::kSending);
}

bool ClientConnection::all_sent() const {
  return std::ranges::all_of(left_, [](std::string_view part) { return part.empty(); });
}

void ClientConnection::on_writable() {
  if (state_ == State::kSending) return send_more();
  if (state_ != State::kConnecting) return;
  if (auto connected = net::connect_result(stream_.fd()); !connected) {
    return fail(ClientFailure::Kind::kConnect, connected.error().message);
  }
  set_state(State::kSending);
  send_more();
}

void ClientConnection::on_input() {
  if (state_ == State::kConnecting) return;
  if (state_ == State::kIdle) return close();  // its end, or bytes nobody asked for
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (call_ == nullptr || paused_ || !stream_.would_read()) return;
    if (!read_once()) return;
  }
  if (call_ != nullptr && stream_.would_read()) stream_.call_again();
}

/// A send that failed: the answer may be there all the same. Otherwise reading has seen the end.
void ClientConnection::on_hangup() {
  if (state_ == State::kClosed || paused_) return;
  if (state_ == State::kConnecting) return fail(ClientFailure::Kind::kConnect, "cannot connect");
  if (state_ == State::kSending) set_state(State::kHead);
  on_input();
}

bool ClientConnection::read_once() {
  const bool partial = !in_.empty();
  if (partial) in_.reserve_tail(ClientPool::kScratchBytes);
  char* to = partial ? in_.tail() : pool_.scratch.get();
  const auto got = stream_.read(to, ClientPool::kScratchBytes);
  switch (got.status) {
    case net::Stream::ReadStatus::kEmpty:
      return false;
    case net::Stream::ReadStatus::kEnd:
      ended();
      return false;
    case net::Stream::ReadStatus::kFailed:
      fail(ClientFailure::Kind::kClosed, "the connection broke");
      return false;
    case net::Stream::ReadStatus::kData:
      break;
  }
  if (!partial) {
    take(to, got.size);
  } else {
    in_.commit(got.size);
    net::Buffer whole = std::move(in_);  // the callbacks may end this call
    take(whole.data(), whole.size());
  }
  return true;
}

void ClientConnection::take(char* data, size_t size) {
  if (state_ == State::kBody) {
    deadline_ = pool_.loop.now() + pool_.options.read_timeout;
    return take_body(data, size);
  }
  take_head(data, size);
}

void ClientConnection::take_head(char* data, size_t size) {
  const HeadLimits limits{pool_.options.head_bytes_max, pool_.options.headers_max};
  Fault fault;
  const size_t head_size = scanner_.scan({data, size}, limits, fault);
  if (head_size == 0) {
    if (fault) return fail(ClientFailure::Kind::kProtocol, fault.message);
    in_.append({data, size});
    return;
  }
  scanner_.reset();
  fault = parse_response_head({data, head_size}, limits, request_.is_head, head_, framing_);
  if (fault) return fail(ClientFailure::Kind::kProtocol, fault.message);
  if (head_.status == 101) return fail(ClientFailure::Kind::kProtocol, "unasked protocol switch");
  if (head_.status < 200) {
    if (size > head_size) take_head(data + head_size, size - head_size);
    return;
  }
  keep_alive_ = wants_keep_alive(head_.version_minor, head_.headers) && all_sent();
  answered_ = true;
  length_left_ = framing_.length;
  chunked_.reset();
  set_state(State::kBody);
  call_->on_head(head_, framing_);
  if (call_ != nullptr) take_body(data + head_size, size - head_size);
}

void ClientConnection::take_body(char* data, size_t size) {
  switch (framing_.kind) {
    case Framing::Kind::kNone:
      return finish({}, size == 0);
    case Framing::Kind::kLength: {
      const size_t part = static_cast<size_t>(std::min<uint64_t>(size, length_left_));
      length_left_ -= part;
      return deliver({data, part}, length_left_ == 0, part == size);
    }
    case Framing::Kind::kChunked: {
      const ChunkedDecoder::Step step = chunked_.decode(data, size);
      if (step.fault) return fail(ClientFailure::Kind::kProtocol, step.fault.message);
      return deliver(step.payload, chunked_.done(), step.consumed == size);
    }
    case Framing::Kind::kUntilClose:
      return deliver({data, size}, false, false);
  }
}

void ClientConnection::deliver(std::string_view bytes, bool last, bool reusable) {
  if (last) return finish(bytes, reusable);
  if (!bytes.empty()) call_->on_body(bytes, false);
}

Call* ClientConnection::detach() {
  Call* call = std::exchange(call_, nullptr);
  if (call != nullptr) call->connection_ = nullptr;
  return call;
}

// The connection is free before the callback, which may start the next call on it.
void ClientConnection::finish(std::string_view bytes, bool reusable) {
  Call* call = detach();
  if (reusable && keep_alive_ && !stream_.hung_up()) {
    set_state(State::kIdle);
    pool_.keep(*this);
  } else {
    close();
  }
  call->on_body(bytes, true);
}

void ClientConnection::ended() {
  if (state_ == State::kBody && framing_.kind == Framing::Kind::kUntilClose) {
    return finish({}, false);
  }
  fail(ClientFailure::Kind::kClosed, "the connection was closed before the response was complete");
}

void ClientConnection::fail(ClientFailure::Kind kind, std::string_view message) {
  const std::string text(message);  // may lie in what close() gives back
  const bool stale = reused_ && kind == ClientFailure::Kind::kClosed && !answered_ && in_.empty();
  const ClientRequest request = request_;
  const bool answered = answered_;
  Call* call = detach();
  close();
  if (call == nullptr) return;
  if (stale && request.repeatable && !pool_.is_closing()) {
    return pool_.start(*call, address_, request, true);
  }
  call->on_failure({kind, answered, text});
}

void ClientConnection::cancel() {
  detach();
  close();
}

void ClientConnection::resume() {
  if (!std::exchange(paused_, false)) return;
  deadline_ = pool_.loop.now() + timeout();
  if (stream_.would_read()) stream_.call_again();
}

void ClientConnection::close() {
  if (state_ == State::kClosed) return;
  if (state_ == State::kIdle) pool_.forget_idle(*this);
  state_ = State::kClosed;
  stream_.close();
  pool_.forget(*this);
}

void ClientConnection::sweep(TimePoint now) {
  if (now <= deadline_ || (paused_ && call_ != nullptr)) return;
  switch (state_) {
    case State::kConnecting:
      return fail(ClientFailure::Kind::kTimeout, "connecting took too long");
    case State::kSending:
      return fail(ClientFailure::Kind::kTimeout, "the engine takes no bytes");
    case State::kHead:
      return fail(ClientFailure::Kind::kTimeout, "no response came in time");
    case State::kBody:
      return fail(ClientFailure::Kind::kTimeout, "the response stopped");
    case State::kIdle:
    case State::kClosed:
      return close();
  }
}

}  // namespace llmd::http
