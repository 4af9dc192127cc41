// SPDX-License-Identifier: Apache-2.0
// One connection of the server: reads requests one after the other, answers each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/head_writer.h"
#include "http/parser.h"
#include "http/server.h"
#include "net/stream.h"

namespace llmd::http {

class Connection;
class ExchangeImpl;

/// Large buffers between two requests. Without it malloc gives their memory back to the kernel each
/// time, and page faults cost a third of relaying a 220 KB body.
class SpareBuffers {
 public:
  /// Makes tail_room() of `buffer` at least `room`.
  void widen(net::Buffer& buffer, size_t room);
  /// Leaves `buffer` empty.
  void give_back(net::Buffer& buffer);
  /// Frees one, so that memory shrinks when the load does.
  void shrink();

 private:
  std::vector<net::Buffer> spares_;
};

/// What all connections of a server share. Outlives every open connection.
struct ServerContext {
  net::EventLoop& loop;
  ServerOptions options;
  Handler handler;
  std::function<void(Connection&)> on_closed;
  ServerCounters counters = {};
  SpareBuffers spares = {};
  DateLine date = {};
  std::string head_text = {};  // scratch, so that heads are built without allocating
  bool draining = false;
};

class Connection final : public std::enable_shared_from_this<Connection>, private net::StreamOwner {
 public:
  Connection(ServerContext& context, int fd);

  /// Closes what is past its deadline. Called now and then by the server's sweep.
  void sweep(TimePoint now);
  /// Ends the connection as soon as nothing is under way on it.
  void drain();
  void close();

  size_t place = 0;  ///< in the server's list

 private:
  friend class ExchangeImpl;
  enum class State : uint8_t { kIdle, kHead, kBody, kHandling, kFlushing, kLingering, kClosed };

  void on_input() override;
  void on_writable() override;
  void on_hangup() override;

  void read_request();
  size_t read_room() const;
  void advance();
  bool take_head();
  bool accept_head();
  void take_body();
  void take_chunked();
  void refresh_head();
  void release_body();
  void dispatch();
  void reject(const Fault& fault);
  void end_response();
  void next_request();
  void close_cleanly();
  void discard_input();
  void expire();
  void count(int status);
  std::string_view body() const { return in_.view().substr(head_size_, body_size_); }

  ServerContext* context_;
  net::Stream stream_;
  net::Buffer in_;
  HeadScanner scanner_;
  RequestHead head_;
  Framing framing_;
  ChunkedDecoder chunked_;
  const char* parsed_at_ = nullptr;  // where in_ lay when head_ was parsed
  size_t head_size_ = 0;
  size_t body_size_ = 0;
  State state_ = State::kIdle;
  bool keep_alive_ = true;
  bool rejected_ = false;
  TimePoint deadline_;
  TimePoint stuck_since_;
  uint64_t sent_at_sweep_ = 0;
  ExchangeImpl* exchange_ = nullptr;
};

/// The view of one request that the handler holds.
class ExchangeImpl final : public Exchange {
 public:
  explicit ExchangeImpl(std::shared_ptr<Connection> connection);
  ~ExchangeImpl() override;

  const RequestHead& head() const override;
  std::string_view body() const override;
  void release_body() override;
  bool keep_alive() const override;
  void respond(int status, std::string_view content_type, std::string_view body,
               std::span<const Header> extra) override;
  void start(int status, std::string_view content_type, std::span<const Header> extra) override;
  void start_raw(std::string_view head, bool keep_alive) override;
  void write(std::string_view bytes) override;
  void write_through(std::span<const std::string_view> parts) override;
  void finish() override;
  void finish_and_close() override;
  void abort() override;
  size_t unsent_bytes() const override;
  void on_drained(std::function<void()> callback) override;
  void on_disconnect(std::function<void()> callback) override;

 private:
  friend class Connection;
  enum class Mode : uint8_t { kPending, kChunked, kUntilClose, kNoBody, kRaw, kEnded };

  bool is_open() const { return mode_ != Mode::kEnded && connection_->exchange_ == this; }
  void begin_head(int status, std::string_view content_type, std::span<const Header> extra);
  void end_head();

  std::shared_ptr<Connection> connection_;
  Mode mode_ = Mode::kPending;
  std::function<void()> drained_;
  std::function<void()> disconnected_;
};

}  // namespace llmd::http
