// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 client: one Client per event loop, kept-alive connections per address, responses handed
// over as they arrive.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"
#include "http/parser.h"
#include "net/event_loop.h"
#include "net/socket.h"

namespace llmd::http {

struct ClientOptions {
  Duration connect_timeout = std::chrono::seconds(5);
  Duration send_timeout = std::chrono::seconds(60);        ///< the server takes no byte
  Duration first_byte_timeout = std::chrono::minutes(10);  ///< request sent, no answer begun
  Duration read_timeout = std::chrono::minutes(5);         ///< between two reads of an answer
  Duration idle_timeout = std::chrono::seconds(60);        ///< of a kept connection
  size_t idle_per_address_max = 256;                       ///< kept connections
  size_t head_bytes_max = 64 * 1024;
  size_t headers_max = 256;
};

/// A request as text. What the views show must live until on_head() or the call's end.
struct ClientRequest {
  std::string_view head;                 ///< with its empty line; framing headers included
  std::array<std::string_view, 3> body;  ///< in pieces, so that one in the middle can be replaced
  bool is_head = false;                  ///< method HEAD: the answer has no body
  /// A kept connection that closes without a byte of an answer is replaced by a fresh one, once.
  /// For requests that may safely be received twice.
  bool repeatable = true;
};

struct ClientFailure {
  enum class Kind : uint8_t {
    kConnect,   ///< no connection
    kClosed,    ///< ended before the answer did
    kTimeout,   ///< a deadline of ClientOptions passed
    kProtocol,  ///< the answer is not valid HTTP/1.1
  };
  Kind kind;
  bool answered = false;  ///< on_head() was called
  std::string_view message;
};

/// One request and its response. The callbacks may cancel, destroy or start calls. Loop thread.
class Call {
 public:
  /// `head` is valid during the call only.
  virtual void on_head(const ResponseHead& head, const Framing& framing) = 0;
  /// The next bytes of the body, chunked coding removed, in place in the read buffer: valid during
  /// the call only. `last`: the response is complete, the call has ended; `bytes` may be empty.
  virtual void on_body(std::string_view bytes, bool last) = 0;
  /// The call has ended without a complete response.
  virtual void on_failure(const ClientFailure& failure) = 0;

  bool is_active() const { return connection_ != nullptr; }
  /// Ends the call without a callback; the connection is closed, so that the server notices.
  void cancel();
  /// No on_body() until resume(). Bytes wait in the sockets.
  void pause();
  void resume();

 protected:
  Call() = default;
  virtual ~Call() { cancel(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  friend class ClientConnection;
  class ClientConnection* connection_ = nullptr;
};

class Client {
 public:
  Client(net::EventLoop& loop, ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Callbacks come later, never from within.
  void start(Call& call, const net::Address& to, const ClientRequest& request);
  /// Kept and used connections together.
  size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace llmd::http
