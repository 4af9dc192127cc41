// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 server: one Server per event loop, callbacks on the loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"
#include "net/event_loop.h"

namespace llmd::http {

struct ServerOptions {
  size_t head_bytes_max = 64 * 1024;
  size_t headers_max = 128;
  size_t body_bytes_max = 32 * 1024 * 1024;           ///< more is answered 413
  size_t connections_max = 16384;                     ///< more are closed at once
  Duration head_timeout = std::chrono::seconds(10);   ///< slow heads are answered 408
  Duration body_timeout = std::chrono::seconds(60);   ///< between two reads of a body
  Duration idle_timeout = std::chrono::seconds(75);   ///< keep-alive without a request
  Duration write_timeout = std::chrono::seconds(60);  ///< a client that takes no bytes is closed
  /// Body of an error the server itself answers (400, 405, 408, 413, 417, 431, 501, 505), so that
  /// it has the API's shape. Content type application/json.
  std::function<std::string(int status, std::string_view message)> error_body;
};

/// One request, read completely, and its response. Loop thread only. Kept alive by whoever holds
/// the pointer; when the last holder drops it unanswered the connection is closed.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Valid until the response has ended, or until the exchange is dropped if the client went away.
  virtual const RequestHead& head() const = 0;
  /// The whole body, chunked coding removed; at most ServerOptions::body_bytes_max. As long valid.
  virtual std::string_view body() const = 0;
  /// Gives a large body's memory back: for long responses to what has been dealt with. body() may
  /// be empty from here on, and what pointed into head() points nowhere.
  virtual void release_body() = 0;
  /// Whether the connection may carry another request; what start_raw() is to be told at most.
  virtual bool keep_alive() const = 0;

  /// Answers completely. Once per exchange; not together with start().
  virtual void respond(int status, std::string_view content_type, std::string_view body,
                       std::span<const Header> extra = {}) = 0;

  /// Begins a response of unknown length (chunked for HTTP/1.1, close-delimited for 1.0).
  virtual void start(int status, std::string_view content_type,
                     std::span<const Header> extra = {}) = 0;
  /// Sends a complete head as given, for relays; `head` ends with the empty line. The body framing
  /// is the caller's: bytes given to write() go out as they are. `keep_alive` says whether the
  /// connection may carry another request after finish().
  virtual void start_raw(std::string_view head, bool keep_alive) = 0;
  /// Queues body bytes; several calls in one loop turn leave in one system call.
  virtual void write(std::string_view bytes) = 0;
  /// For relays: sends `parts` at once, without the copy of write(), and queues only what the
  /// socket does not take. `parts` may begin with the head when start_raw() was given none.
  virtual void write_through(std::span<const std::string_view> parts) = 0;
  /// Ends a started response.
  virtual void finish() = 0;
  /// As finish(), and closes the connection once everything is sent.
  virtual void finish_and_close() = 0;
  /// Closes the connection without ending the response, so that the client sees it was cut.
  virtual void abort() = 0;

  /// Bytes queued and not yet taken by the socket.
  virtual size_t unsent_bytes() const = 0;
  /// Called once, when unsent_bytes() next reaches 0. For back-pressure.
  virtual void on_drained(std::function<void()> callback) = 0;
  /// Called at most once, when the client goes away before the response ended.
  virtual void on_disconnect(std::function<void()> callback) = 0;
};

/// How often the server itself refused, for metrics.
struct ServerCounters {
  uint64_t connections_over_limit = 0;
  uint64_t heads_too_large = 0;    ///< 431
  uint64_t bodies_too_large = 0;   ///< 413
  uint64_t requests_too_slow = 0;  ///< 408
  uint64_t requests_invalid = 0;   ///< every other refusal
  uint64_t writes_timed_out = 0;
};

using Handler = std::function<void(std::shared_ptr<Exchange>)>;

class Server {
 public:
  Server(net::EventLoop& loop, ServerOptions options, Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds (SO_REUSEPORT when `share_port`) and accepts. Returns the port, also for port 0.
  Result<uint16_t> listen(const std::string& host, uint16_t port, bool share_port = false);
  /// Stops accepting, closes idle connections, lets running exchanges end; then calls `done`.
  void drain(std::function<void()> done);
  size_t connections() const;
  const ServerCounters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace llmd::http
