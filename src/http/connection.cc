// SPDX-License-Identifier: Apache-2.0
#include "http/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace llmd::http {

namespace {

constexpr size_t kFirstReadBytes = 8 * 1024;
// Longer bodies get their memory as they come, not as they are announced.
constexpr size_t kReservedBodyBytesMax = 1024 * 1024;
constexpr size_t kKeptBytes = 64 * 1024;
constexpr int kReadsPerTurn = 16;
constexpr size_t kDiscardBytes = 64 * 1024;
constexpr Duration kLingerTimeout = std::chrono::seconds(2);

}  // namespace

Connection::Connection(ServerContext& context, int fd)
    : context_(&context), stream_(context.loop, *this) {
  deadline_ = context.loop.now() + context.options.head_timeout;
  stuck_since_ = context.loop.now();
  stream_.open(fd);
}

void Connection::on_input() {
  switch (state_) {
    case State::kIdle:
    case State::kHead:
    case State::kBody:
      return read_request();
    case State::kHandling:
      // What else the client sends waits in the socket; only its end is of interest.
      if (stream_.hung_up()) on_hangup();
      return;
    case State::kLingering:
      return discard_input();
    case State::kFlushing:
    case State::kClosed:
      return;
  }
}

void Connection::read_request() {
  // Bytes that came with the request before may already hold this one.
  if (state_ == State::kIdle && !in_.empty()) {
    state_ = State::kHead;
    advance();
  }
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (state_ > State::kBody || !stream_.would_read()) return;
    context_->spares.widen(in_, read_room());
    const auto got = stream_.read(in_.tail(), in_.tail_room());
    if (got.status == net::Stream::ReadStatus::kEmpty) return;
    if (got.status != net::Stream::ReadStatus::kData) return close();
    in_.commit(got.size);
    if (state_ == State::kIdle) {
      state_ = State::kHead;
      deadline_ = context_->loop.now() + context_->options.head_timeout;
    }
    advance();
  }
  stream_.call_again();
}

// One byte more than is needed, so that a read that brings it all falls short and thereby tells
// that the socket is empty.
size_t Connection::read_room() const {
  if (state_ != State::kBody || framing_.kind != Framing::Kind::kLength) return kFirstReadBytes;
  const size_t left = head_size_ + framing_.length - in_.size();
  return std::min(left + 1, std::max(kReservedBodyBytesMax, in_.size()));
}

void Connection::advance() {
  if (state_ == State::kHead && !take_head()) return;
  if (state_ == State::kBody) take_body();
}

bool Connection::take_head() {
  const HeadLimits limits{context_->options.head_bytes_max, context_->options.headers_max};
  Fault fault;
  head_size_ = scanner_.scan(in_.view(), limits, fault);
  if (head_size_ == 0) {
    if (fault) reject(fault);
    return false;
  }
  parsed_at_ = in_.data();
  fault = parse_request_head(in_.view().substr(0, head_size_), limits, head_, framing_);
  if (fault) {
    reject(fault);
    return false;
  }
  return accept_head();
}

/// What the head says is understood; whether it is wanted.
bool Connection::accept_head() {
  keep_alive_ = wants_keep_alive(head_.version_minor, head_.headers);
  body_size_ = 0;
  const bool has_body = framing_.kind != Framing::Kind::kNone;
  if (framing_.kind == Framing::Kind::kLength &&
      framing_.length > context_->options.body_bytes_max) {
    reject({413, "request body too large"});
    return false;
  }
  if (const auto expect = head_.header("expect"); has_body && expect && head_.version_minor > 0) {
    if (!equals_ignoring_case(*expect, "100-continue")) {
      reject({417, "unknown expectation"});
      return false;
    }
    // A client that did not wait needs no word to go on.
    if (in_.size() == head_size_) stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
  }
  chunked_.reset();
  state_ = State::kBody;
  return true;
}

void Connection::take_body() {
  deadline_ = context_->loop.now() + context_->options.body_timeout;
  if (framing_.kind == Framing::Kind::kChunked) return take_chunked();
  if (in_.size() - head_size_ < framing_.length) return;
  body_size_ = framing_.length;
  dispatch();
}

// Decoded bytes lie directly behind the head; what was read last lies directly behind those.
void Connection::take_chunked() {
  char* raw = in_.data() + head_size_ + body_size_;
  const size_t raw_size = in_.size() - head_size_ - body_size_;
  const ChunkedDecoder::Step step = chunked_.decode(raw, raw_size);
  if (step.fault) return reject(step.fault);
  if (!step.payload.empty()) std::memmove(raw, step.payload.data(), step.payload.size());
  body_size_ += step.payload.size();
  if (body_size_ > context_->options.body_bytes_max) {
    return reject({413, "request body too large"});
  }
  const size_t behind = raw_size - step.consumed;
  if (behind > 0) std::memmove(raw + step.payload.size(), raw + step.consumed, behind);
  in_.truncate(head_size_ + body_size_ + behind);
  if (chunked_.done()) dispatch();
}

/// The buffer may have grown since the head was parsed, and head_ point into the old one.
void Connection::refresh_head() {
  if (head_size_ == 0) {
    head_.method = {};
    head_.headers.clear();
  } else if (parsed_at_ != in_.data()) {
    const HeadLimits limits{context_->options.head_bytes_max, context_->options.headers_max};
    Framing same;
    parse_request_head(in_.view().substr(0, head_size_), limits, head_, same);
    parsed_at_ = in_.data();
  }
}

/// The head stays, and what came behind the body.
void Connection::release_body() {
  if (in_.capacity() <= kKeptBytes) return;
  net::Buffer small;
  small.append(in_.view().substr(0, head_size_));
  small.append(in_.view().substr(head_size_ + body_size_));
  context_->spares.give_back(in_);
  in_ = std::move(small);
  body_size_ = 0;
  refresh_head();
}

void Connection::dispatch() {
  refresh_head();
  state_ = State::kHandling;
  const auto exchange = std::make_shared<ExchangeImpl>(shared_from_this());
  exchange_ = exchange.get();
  // The edge that told of the client's end may be past.
  if (stream_.hung_up()) stream_.call_again();
  context_->handler(exchange);
}

void Connection::count(int status) {
  ServerCounters& counters = context_->counters;
  switch (status) {
    case 408:
      ++counters.requests_too_slow;
      break;
    case 413:
      ++counters.bodies_too_large;
      break;
    case 431:
      ++counters.heads_too_large;
      break;
    default:
      ++counters.requests_invalid;
  }
}

void Connection::reject(const Fault& fault) {
  count(fault.status);
  const auto& make_body = context_->options.error_body;
  const std::string body = make_body ? make_body(fault.status, fault.message) : std::string();
  refresh_head();
  keep_alive_ = false;
  rejected_ = true;
  state_ = State::kHandling;
  ExchangeImpl exchange(shared_from_this());
  exchange_ = &exchange;
  exchange.respond(fault.status, "application/json", body, {});
}

void Connection::end_response() {
  exchange_ = nullptr;
  state_ = State::kFlushing;
  if (stream_.unsent_bytes() == 0) next_request();
}

void Connection::on_writable() {
  if (state_ == State::kFlushing) return next_request();
  if (exchange_ == nullptr || !exchange_->drained_) return;
  const auto callback = std::exchange(exchange_->drained_, nullptr);
  callback();
}

void Connection::next_request() {
  if (!keep_alive_ || context_->draining) return close_cleanly();
  in_.consume(std::min(in_.size(), head_size_ + body_size_));
  if (in_.empty() && in_.capacity() > kKeptBytes) context_->spares.give_back(in_);
  scanner_.reset();
  head_size_ = body_size_ = 0;
  state_ = State::kIdle;
  deadline_ = context_->loop.now() + context_->options.idle_timeout;
  if (!in_.empty() || stream_.would_read()) stream_.call_again();
}

// Closing a socket with unread input makes the kernel cut off what the client has not read yet: so
// end our half first, and throw away the client's for a moment.
void Connection::close_cleanly() {
  const bool unread = rejected_ || stream_.would_read() || in_.size() > head_size_ + body_size_;
  if (stream_.hung_up() || !unread) return close();
  stream_.shutdown_write();
  state_ = State::kLingering;
  deadline_ = context_->loop.now() + kLingerTimeout;
  in_.release();
  if (stream_.would_read()) stream_.call_again();
}

void Connection::discard_input() {
  in_.reserve_tail(kDiscardBytes);
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const auto got = stream_.read(in_.tail(), in_.tail_room());
    if (got.status == net::Stream::ReadStatus::kEmpty) return;
    if (got.status != net::Stream::ReadStatus::kData) return close();
    if (!stream_.would_read()) return;
  }
  stream_.call_again();
}

// A client that ends its half while it waits is taken for gone, as nginx does.
void Connection::on_hangup() {
  if (state_ == State::kFlushing && stream_.unsent_bytes() > 0) return;
  close();
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  state_ = State::kClosed;
  stream_.close();
  context_->on_closed(*this);
  if (ExchangeImpl* exchange = std::exchange(exchange_, nullptr)) {
    exchange->drained_ = nullptr;
    const auto callback = std::exchange(exchange->disconnected_, nullptr);
    if (callback) callback();
  }
}

void Connection::drain() {
  if (state_ == State::kIdle && in_.empty()) close();
}

void Connection::sweep(TimePoint now) {
  if (stream_.unsent_bytes() == 0 || stream_.sent_bytes() != sent_at_sweep_) {
    sent_at_sweep_ = stream_.sent_bytes();
    stuck_since_ = now;
  } else if (now - stuck_since_ > context_->options.write_timeout) {
    ++context_->counters.writes_timed_out;
    return close();
  }
  if (state_ != State::kHandling && state_ != State::kFlushing && now > deadline_) expire();
}

void Connection::expire() {
  switch (state_) {
    case State::kHead:
      return reject({408, "request head came too slowly"});
    case State::kBody:
      return reject({408, "request body came too slowly"});
    default:
      return close();
  }
}

}  // namespace llmd::http
