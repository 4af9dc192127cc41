// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "http/client_connection.h"

namespace llmd::http {

namespace {

constexpr Duration kSweepMax = std::chrono::milliseconds(500);
constexpr Duration kSweepMin = std::chrono::milliseconds(10);

Duration sweep_step(const ClientOptions& options) {
  const Duration shortest =
      std::min({options.connect_timeout, options.send_timeout, options.first_byte_timeout,
                options.read_timeout, options.idle_timeout});
  return std::clamp<Duration>(shortest / 4, kSweepMin, kSweepMax);
}

}  // namespace

void Call::cancel() {
  if (connection_ != nullptr) connection_->cancel();
}
void Call::pause() {
  if (connection_ != nullptr) connection_->pause();
}
void Call::resume() {
  if (connection_ != nullptr) connection_->resume();
}

ClientPool::ClientPool(net::EventLoop& event_loop, ClientOptions client_options)
    : loop(event_loop),
      options(client_options),
      scratch(new char[kScratchBytes]),
      sweeper_(event_loop) {}

ClientPool::~ClientPool() {
  closing_ = true;
  while (!all_.empty()) all_.back()->abandon();
}

ClientConnection* ClientPool::take_idle(const net::Address& to) {
  const auto found = idle_.find(to);
  if (found == idle_.end() || found->second.empty()) return nullptr;
  ClientConnection* connection = found->second.back();
  found->second.pop_back();
  return connection;
}

void ClientPool::start(Call& call, const net::Address& to, const ClientRequest& request,
                       bool fresh) {
  LLMD_CHECK(!call.is_active());
  ClientConnection* connection = fresh ? nullptr : take_idle(to);
  if (connection == nullptr) {
    all_.push_back(std::make_shared<ClientConnection>(*this, to));
    connection = all_.back().get();
    connection->place = all_.size() - 1;
    if (!sweeping_) schedule_sweep();
  }
  connection->start(call, request);
}

void ClientPool::keep(ClientConnection& connection) {
  auto& kept = idle_[connection.address()];
  kept.push_back(&connection);
  if (kept.size() > options.idle_per_address_max) kept.front()->close();
}

void ClientPool::forget_idle(const ClientConnection& connection) {
  const auto found = idle_.find(connection.address());
  if (found == idle_.end()) return;
  std::erase(found->second, &connection);
  if (found->second.empty()) idle_.erase(found);
}

void ClientPool::forget(const ClientConnection& connection) {
  const size_t place = connection.place;
  loop.destroy_later(std::move(all_[place]));
  if (place + 1 < all_.size()) {
    all_[place] = std::move(all_.back());
    all_[place]->place = place;
  }
  all_.pop_back();
}

void ClientPool::schedule_sweep() {
  sweeping_ = true;
  sweeper_.start(sweep_step(options), [this] { sweep(); });
}

void ClientPool::sweep() {
  for (size_t i = all_.size(); i-- > 0;) {
    if (i < all_.size()) all_[i]->sweep(loop.now());
  }
  std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
  sweeping_ = false;
  if (!all_.empty()) schedule_sweep();
}

struct Client::Impl {
  ClientPool pool;
};

Client::Client(net::EventLoop& loop, ClientOptions options)
    : impl_(new Impl{.pool = {loop, options}}) {}
Client::~Client() = default;

void Client::start(Call& call, const net::Address& to, const ClientRequest& request) {
  impl_->pool.start(call, to, request, false);
}
size_t Client::connections() const { return impl_->pool.size(); }

}  // namespace llmd::http
