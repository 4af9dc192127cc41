// SPDX-License-Identifier: Apache-2.0
#include "net/socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/check.h"
#include "base/log.h"

namespace llmd::net {

namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;
constexpr Duration kOutOfDescriptorsPause = std::chrono::milliseconds(100);

std::string reason(int error) { return std::system_category().message(error); }

void set_option(int fd, int level, int name) {
  const int on = 1;
  LLMD_CHECK(setsockopt(fd, level, name, &on, sizeof on) == 0);
}

Result<int> bound_socket(const Address& address, bool share_port) {
  const int fd = ::socket(address.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error{Errc::kIo, "socket: " + reason(errno)};
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  if (share_port) set_option(fd, SOL_SOCKET, SO_REUSEPORT);
  if (::bind(fd, address.get(), address.size()) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int error = errno;
  ::close(fd);
  return Error{Errc::kIo,
               fmt::format("cannot listen on {}: {}", address.to_string(), reason(error))};
}

}  // namespace

Address address_from(const sockaddr* from, socklen_t size) {
  Address address;
  LLMD_CHECK(size <= sizeof address.storage_);
  std::memcpy(&address.storage_, from, size);
  return address;
}

Result<Address> Address::parse(std::string_view ip, uint16_t port) {
  const std::string text(ip);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    return address_from(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    return address_from(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  return invalid_argument(fmt::format("'{}' is not an IP address", ip));
}

Result<Address> Address::resolve(const std::string& host, uint16_t port) {
  LLMD_ASSIGN_OR_RETURN(const std::vector<Address> all, resolve_all(host, port));
  return all.front();
}

Result<std::vector<Address>> Address::resolve_all(const std::string& host, uint16_t port) {
  if (auto literal = parse(host, port)) return std::vector<Address>{*literal};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (status != 0) {
    return Error{Errc::kUnavailable,
                 fmt::format("cannot resolve '{}': {}", host, gai_strerror(status))};
  }
  std::vector<Address> all;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    all.push_back(address_from(each->ai_addr, each->ai_addrlen));
  }
  freeaddrinfo(list);
  return all;
}

Address Address::of_socket(int fd) {
  Address address;
  socklen_t size = sizeof address.storage_;
  LLMD_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage_), &size) == 0);
  return address;
}

socklen_t Address::size() const {
  return get()->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

uint16_t Address::port() const {
  in_port_t port;  // the same place in both families
  std::memcpy(&port, storage_.bytes + offsetof(sockaddr_in, sin_port), sizeof port);
  return ntohs(port);
}

Address Address::with_port(uint16_t port) const {
  Address other = *this;
  const in_port_t wire = htons(port);
  std::memcpy(other.storage_.bytes + offsetof(sockaddr_in, sin_port), &wire, sizeof wire);
  return other;
}

std::string Address::to_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  const bool v6 = get()->sa_family == AF_INET6;
  const size_t place = v6 ? offsetof(sockaddr_in6, sin6_addr) : offsetof(sockaddr_in, sin_addr);
  inet_ntop(get()->sa_family, storage_.bytes + place, text, sizeof text);
  return v6 ? fmt::format("[{}]:{}", text, port()) : fmt::format("{}:{}", text, port());
}

size_t Address::hash() const { return std::hash<std::string_view>{}({storage_.bytes, size()}); }

Listener::Listener(EventLoop& loop, OnAccept on_accept)
    : loop_(loop), on_accept_(std::move(on_accept)), retry_(loop) {}
Listener::~Listener() { close(); }

Result<uint16_t> Listener::listen(const std::string& host, uint16_t port, bool share_port) {
  LLMD_ASSIGN_OR_RETURN(const Address address, Address::resolve(host, port));
  LLMD_ASSIGN_OR_RETURN(fd_, bound_socket(address, share_port));
  loop_.watch(fd_, EPOLLIN, *this);
  return Address::of_socket(fd_).port();
}

void Listener::close() {
  if (fd_ < 0) return;
  retry_.cancel();
  if (!paused_) loop_.unwatch(fd_, *this);
  ::close(fd_);
  fd_ = -1;
}

void Listener::on_ready(uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn && fd_ >= 0; ++i) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      set_option(fd, IPPROTO_TCP, TCP_NODELAY);
      on_accept_(fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return pause();
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

// Out of descriptors: the waiting connection would be reported again at once, for ever.
void Listener::pause() {
  log::warn("out of file descriptors: not accepting for a moment");
  loop_.unwatch(fd_, *this);
  paused_ = true;
  retry_.start(kOutOfDescriptorsPause, [this] {
    paused_ = false;
    loop_.watch(fd_, EPOLLIN, *this);
  });
}

Result<int> start_connect(const Address& address) {
  const int fd = ::socket(address.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error{Errc::kIo, "socket: " + reason(errno)};
  set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  if (::connect(fd, address.get(), address.size()) == 0 || errno == EINPROGRESS) return fd;
  const int error = errno;
  ::close(fd);
  return Error{Errc::kUnavailable,
               fmt::format("cannot connect to {}: {}", address.to_string(), reason(error))};
}

Result<void> connect_result(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == 0) return {};
  return Error{Errc::kUnavailable, "cannot connect: " + reason(error)};
}

}  // namespace llmd::net
