// SPDX-License-Identifier: Apache-2.0
// One connection of the client: carries calls one after the other.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "http/client.h"
#include "net/stream.h"

namespace llmd::http {

class ClientConnection;

/// The connections of one Client.
class ClientPool {
 public:
  ClientPool(net::EventLoop& loop, ClientOptions options);
  ~ClientPool();

  void start(Call& call, const net::Address& to, const ClientRequest& request, bool fresh);
  /// Takes a connection whose call has ended well; it may be closed.
  void keep(ClientConnection& connection);
  void forget_idle(const ClientConnection& connection);
  void forget(const ClientConnection& connection);
  size_t size() const { return all_.size(); }
  bool is_closing() const { return closing_; }

  net::EventLoop& loop;
  const ClientOptions options;
  /// What is read goes through here and on to the callback, so that idle connections own no memory.
  std::unique_ptr<char[]> scratch;
  static constexpr size_t kScratchBytes = 64 * 1024;

 private:
  struct AddressHash {
    size_t operator()(const net::Address& address) const { return address.hash(); }
  };
  ClientConnection* take_idle(const net::Address& to);
  void schedule_sweep();
  void sweep();

  std::vector<std::shared_ptr<ClientConnection>> all_;
  std::unordered_map<net::Address, std::vector<ClientConnection*>, AddressHash> idle_;
  net::Timer sweeper_;
  bool sweeping_ = false;
  bool closing_ = false;
};

class ClientConnection final : public std::enable_shared_from_this<ClientConnection>,
                               private net::StreamOwner {
 public:
  ClientConnection(ClientPool& pool, const net::Address& to);

  const net::Address& address() const { return address_; }
  void connect();
  void start(Call& call, const ClientRequest& request);
  void cancel();
  /// The client ends: so does the call, as failed.
  void abandon() { fail(ClientFailure::Kind::kClosed, "the client was closed"); }
  void pause() { paused_ = true; }
  void resume();
  void close();
  void sweep(TimePoint now);

  size_t place = 0;  ///< in the pool's list

 private:
  enum class State : uint8_t { kConnecting, kIdle, kSending, kHead, kBody, kClosed };

  void on_input() override;
  void on_writable() override;
  void on_hangup() override;

  void send_more();
  bool all_sent() const;
  bool read_once();
  void take(char* data, size_t size);
  void take_head(char* data, size_t size);
  void take_body(char* data, size_t size);
  void deliver(std::string_view bytes, bool last, bool reusable);
  void finish(std::string_view bytes, bool reusable);
  void ended();
  void fail(ClientFailure::Kind kind, std::string_view message);
  void set_state(State state);
  Duration timeout() const;
  Call* detach();

  ClientPool& pool_;
  net::Stream stream_;
  net::Address address_;
  Call* call_ = nullptr;
  ClientRequest request_;
  std::array<std::string_view, 4> left_;  // of the head and the pieces of the body, not sent yet
  net::Buffer in_;                        // a head that came in pieces
  HeadScanner scanner_;
  ResponseHead head_;
  Framing framing_;
  ChunkedDecoder chunked_;
  uint64_t length_left_ = 0;
  TimePoint deadline_;
  State state_ = State::kConnecting;
  bool reused_ = false;
  bool answered_ = false;
  bool paused_ = false;
  bool keep_alive_ = false;
};

}  // namespace llmd::http
