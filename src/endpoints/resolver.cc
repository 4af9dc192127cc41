// SPDX-License-Identifier: Apache-2.0
#include "endpoints/resolver.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/log.h"

namespace llmd::endpoints {
namespace {

/// Steps between two look-ups of an endpoint that is not up.
constexpr int kSteps = 4;

}  // namespace

/// Shared by the resolver and its thread, which may be inside a look-up when the resolver ends.
struct Resolver::Thread {
  std::mutex mutex;
  std::condition_variable wakes;
  std::deque<std::function<std::function<void()>()>> jobs;  ///< each returns work for the loop
  net::EventLoop* loop = nullptr;                           ///< null: the resolver is gone

  static void run(const std::shared_ptr<Thread>& self) {
    std::unique_lock lock(self->mutex);
    while (true) {
      self->wakes.wait(lock, [&] { return self->loop == nullptr || !self->jobs.empty(); });
      if (self->loop == nullptr) return;
      const auto job = std::move(self->jobs.front());
      self->jobs.pop_front();
      lock.unlock();
      auto done = job();
      lock.lock();
      if (self->loop != nullptr) self->loop->post(std::move(done));
    }
  }
};

Resolver::Resolver(net::EventLoop& loop, Pool& pool, Lookup lookup, ResolverOptions options)
    : loop_(loop), pool_(pool), lookup_(std::move(lookup)), options_(options), timer_(loop) {
  pool_.on_change([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) step();
  });
  step();
}

Resolver::~Resolver() {
  if (!thread_) return;
  const std::lock_guard lock(thread_->mutex);
  thread_->loop = nullptr;
  thread_->jobs.clear();
  thread_->wakes.notify_one();
}

void Resolver::step() {
  bool any_named = false;
  const auto snapshot = pool_.snapshot();
  for (const auto& endpoint : *snapshot) {
    if (endpoint->is_literal) continue;
    any_named = true;
    const State& state = states_.of(endpoint);
    const bool is_up = endpoint->live.health == Health::kUp;
    const Duration interval = is_up ? options_.interval : options_.interval_down;
    const bool is_new = state.asked_at == TimePoint();
    if (!state.asking && (is_new || loop_.now() - state.asked_at >= interval)) ask(endpoint);
  }
  if (any_named) timer_.start(options_.interval_down / kSteps, [this] { step(); });
}

void Resolver::ask(const std::shared_ptr<Endpoint>& endpoint) {
  State& state = states_.of(endpoint);
  state.asking = true;
  state.asked_at = loop_.now();
  if (!thread_) {
    thread_ = std::make_shared<Thread>();
    thread_->loop = &loop_;
    std::thread(Thread::run, thread_).detach();
  }
  // The thread touches copies alone: endpoints are the loop's.
  auto job = [lookup = lookup_, host = endpoint->spec.address, port = endpoint->spec.port, this,
              alive = std::weak_ptr(alive_), slot = std::weak_ptr(endpoint)] {
    return std::function<void()>([found = lookup(host, port), this, alive, slot] {
      const auto asked = slot.lock();
      if (!alive.expired() && asked) take(asked, found);
    });
  };
  const std::lock_guard lock(thread_->mutex);
  thread_->jobs.emplace_back(std::move(job));
  thread_->wakes.notify_one();
}

void Resolver::take(const std::shared_ptr<Endpoint>& endpoint,
                    const Result<std::vector<net::Address>>& found) {
  State* const known = states_.find(endpoint);
  if (known == nullptr) return;
  State& state = *known;
  state.asking = false;
  if (found && !found->empty()) {
    state.failed = false;
    return use(*endpoint, *found);
  }
  if (!state.failed) {
    log::warn("endpoint {}: {}", endpoint->spec.name,
              found ? "its name has no address" : found.error().message);
  }
  state.failed = true;
}

void Resolver::use(Endpoint& endpoint, const std::vector<net::Address>& addresses) {
  std::optional<net::Address>& address = endpoint.live.address;
  auto at = address ? std::ranges::find(addresses, *address) : addresses.end();
  if (at != addresses.end() && endpoint.live.health != Health::kDown) return;
  if (at != addresses.end()) ++at;
  const net::Address next = at == addresses.end() ? addresses.front() : *at;
  if (address == next) return;
  log::info("endpoint {}: {} is {}", endpoint.spec.name, endpoint.spec.address, next.to_string());
  if (address) pool_.report_cache_lost(endpoint);
  address = next;
}

}  // namespace llmd::endpoints
