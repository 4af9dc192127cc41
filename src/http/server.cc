// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "http/connection.h"
#include "net/socket.h"

namespace llmd::http {

namespace {

constexpr Duration kSweepMax = std::chrono::milliseconds(500);
constexpr Duration kSweepMin = std::chrono::milliseconds(10);

/// Timeouts are checked at this step: one timer for all connections instead of one for each.
Duration sweep_step(const ServerOptions& options) {
  const Duration shortest = std::min(
      {options.head_timeout, options.body_timeout, options.idle_timeout, options.write_timeout});
  return std::clamp<Duration>(shortest / 4, kSweepMin, kSweepMax);
}

}  // namespace

struct Server::Impl {
  Impl(net::EventLoop& loop, ServerOptions options, Handler handler);
  ~Impl();
  void accept(int fd);
  void forget(Connection& connection);
  void sweep();
  void schedule_sweep();

  ServerContext context;
  net::Listener listener;
  net::Timer sweeper;
  bool sweeping = false;
  std::vector<std::shared_ptr<Connection>> connections;
  std::function<void()> drained;
};

Server::Impl::Impl(net::EventLoop& loop, ServerOptions options, Handler handler)
    : context{.loop = loop,
              .options = std::move(options),
              .handler = std::move(handler),
              .on_closed = [this](Connection& connection) { forget(connection); }},
      listener(loop, [this](int fd) { accept(fd); }),
      sweeper(loop) {}

Server::Impl::~Impl() {
  drained = nullptr;
  while (!connections.empty()) connections.back()->close();
}

void Server::Impl::accept(int fd) {
  if (connections.size() >= context.options.connections_max) {
    ++context.counters.connections_over_limit;
    ::close(fd);
    return;
  }
  connections.push_back(std::make_shared<Connection>(context, fd));
  connections.back()->place = connections.size() - 1;
  if (!sweeping) schedule_sweep();
}

void Server::Impl::forget(Connection& connection) {
  const size_t place = connection.place;
  context.loop.destroy_later(std::move(connections[place]));
  if (place + 1 < connections.size()) {
    connections[place] = std::move(connections.back());
    connections[place]->place = place;
  }
  connections.pop_back();
  if (connections.empty() && drained) context.loop.post(std::exchange(drained, nullptr));
}

void Server::Impl::schedule_sweep() {
  sweeping = true;
  sweeper.start(sweep_step(context.options), [this] { sweep(); });
}

void Server::Impl::sweep() {
  // Backwards: closing one moves the last into its place.
  for (size_t i = connections.size(); i-- > 0;) {
    if (i < connections.size()) connections[i]->sweep(context.loop.now());
  }
  context.spares.shrink();
  sweeping = false;
  if (!connections.empty()) schedule_sweep();
}

Server::Server(net::EventLoop& loop, ServerOptions options, Handler handler)
    : impl_(std::make_unique<Impl>(loop, std::move(options), std::move(handler))) {}
Server::~Server() = default;

Result<uint16_t> Server::listen(const std::string& host, uint16_t port, bool share_port) {
  return impl_->listener.listen(host, port, share_port);
}

void Server::drain(std::function<void()> done) {
  impl_->listener.close();
  impl_->context.draining = true;
  for (size_t i = impl_->connections.size(); i-- > 0;) {
    if (i < impl_->connections.size()) impl_->connections[i]->drain();
  }
  if (impl_->connections.empty()) {
    impl_->context.loop.post(std::move(done));
  } else {
    impl_->drained = std::move(done);
  }
}

size_t Server::connections() const { return impl_->connections.size(); }
const ServerCounters& Server::counters() const { return impl_->context.counters; }

}  // namespace llmd::http
