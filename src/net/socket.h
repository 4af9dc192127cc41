// SPDX-License-Identifier: Apache-2.0
// TCP sockets: addresses, listening, connecting.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/event_loop.h"

namespace llmd::net {

/// A resolved IPv4 or IPv6 address with its port.
class Address {
 public:
  Address() { std::memset(&storage_, 0, sizeof storage_); }

  /// An IP literal, without asking a resolver.
  static Result<Address> parse(std::string_view ip, uint16_t port);
  /// Names too. Blocks: for start-up and configuration changes only.
  static Result<Address> resolve(const std::string& host, uint16_t port);
  /// All addresses of a name, in the system's order; at least one. Blocks. Any thread.
  static Result<std::vector<Address>> resolve_all(const std::string& host, uint16_t port);
  static Address of_socket(int fd);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const;
  uint16_t port() const;
  /// The same host's other port.
  Address with_port(uint16_t port) const;
  /// "127.0.0.1:80", "[::1]:80".
  std::string to_string() const;
  friend bool operator==(const Address& a, const Address& b) {
    return a.size() == b.size() && std::memcmp(&a.storage_, &b.storage_, a.size()) == 0;
  }
  size_t hash() const;

 private:
  friend Address address_from(const sockaddr* from, socklen_t size);
  // sockaddr_in6 is the largest that is used.
  struct alignas(8) Storage {
    char bytes[28];
  } storage_;
};

/// Accepts connections and hands over their descriptors: non-blocking, TCP_NODELAY set.
class Listener final : private Pollable {
 public:
  using OnAccept = std::function<void(int fd)>;

  Listener(EventLoop& loop, OnAccept on_accept);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Binds (SO_REUSEPORT when `share_port`) and returns the port.
  Result<uint16_t> listen(const std::string& host, uint16_t port, bool share_port);
  void close();

 private:
  void on_ready(uint32_t) override;
  void pause();

  EventLoop& loop_;
  OnAccept on_accept_;
  Timer retry_;
  int fd_ = -1;
  bool paused_ = false;
};

/// Starts connecting; the descriptor becomes writable when that has ended, see connect_result().
Result<int> start_connect(const Address& address);
/// The outcome of a finished connect.
Result<void> connect_result(int fd);

}  // namespace llmd::net
