// SPDX-License-Identifier: Apache-2.0
#include "endpoints/poller.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/log.h"
#include "endpoints/scrape.h"

namespace llmd::endpoints {
namespace {

constexpr int kOk = 200;
constexpr int kNotFound = 404;

}  // namespace

Poller::Poller(Pool& pool, const Clock& clock, uint64_t seed, Fetch fetch, PollerOptions options)
    : pool_(pool), clock_(clock), random_(seed), fetch_(std::move(fetch)), options_(options) {}

void Poller::tick() {
  std::erase_if(states_, [](const auto& entry) { return entry.second.endpoint.expired(); });
  const auto snapshot = pool_.snapshot();
  for (const auto& endpoint : *snapshot) {
    State& state = states_[endpoint.get()];
    if (state.asking || state.due > clock_.now()) continue;
    state.endpoint = endpoint;
    state.asking = true;
    begin(endpoint, state);
  }
}

void Poller::begin(const std::shared_ptr<Endpoint>& endpoint, State& state) {
  const bool check_due = endpoint->live.health != Health::kUp || state.polls == 0;
  state.polls = (state.polls + 1) % options_.checks_every;
  if (check_due) {
    check_health(endpoint);
  } else {
    read_load(endpoint);
  }
}

void Poller::ask(const std::shared_ptr<Endpoint>& endpoint, std::string_view path,
                 std::function<void(const std::string& body)> then) {
  fetch_(*endpoint, path,
         [this, alive = std::weak_ptr(alive_), endpoint, path = std::string(path),
          then = std::move(then)](Result<Reply> reply) {
           if (alive.expired()) return;
           if (!reply) return failed(*endpoint, reply.error());
           if (reply->status == kOk) return then(reply->body);
           failed(*endpoint,
                  {Errc::kUnavailable, fmt::format("{} answered {}", path, reply->status)});
         });
}

void Poller::check_health(const std::shared_ptr<Endpoint>& endpoint) {
  ask(endpoint, "/health", [this, endpoint](const std::string&) { check_models(endpoint); });
}

void Poller::check_models(const std::shared_ptr<Endpoint>& endpoint) {
  ask(endpoint, "/v1/models", [this, endpoint](const std::string& body) {
    auto models = parse_models(body);
    if (!models) return failed(*endpoint, models.error());
    if (endpoint->live.models != *models) {
      endpoint->live.models = std::move(*models);
      tell(*endpoint);
    }
    read_load(endpoint);
  });
}

void Poller::read_load(const std::shared_ptr<Endpoint>& endpoint) {
  fetch_(
      *endpoint, "/metrics", [this, alive = std::weak_ptr(alive_), endpoint](Result<Reply> reply) {
        if (alive.expired()) return;
        if (!reply) return failed(*endpoint, reply.error());
        // An engine without metrics can serve all the same.
        if (reply->status != kOk && reply->status != kNotFound) {
          return failed(*endpoint,
                        {Errc::kUnavailable, fmt::format("/metrics answered {}", reply->status)});
        }
        if (reply->status == kOk) apply(*endpoint, parse_metrics(reply->body, endpoint->engine));
        succeeded(*endpoint);
      });
}

void Poller::apply(Endpoint& endpoint, const Scrape& scrape) {
  Live& live = endpoint.live;
  const bool restarted =
      live.scrape.process_start_s != scrape.process_start_s && live.scrape.process_start_s != 0;
  if (restarted) pool_.report_cache_lost(endpoint);
  live.scrape = scrape;
  live.in_flight_at_scrape = live.in_flight;
  live.scraped_at = clock_.now();
}

void Poller::succeeded(Endpoint& endpoint) {
  State& state = states_[&endpoint];
  state.asking = false;
  state.timeouts = 0;
  state.retry = {};
  state.due = clock_.now() + jittered(options_.interval);
  if (endpoint.live.health != Health::kUp) {
    log::info("endpoint {} at {} is up", endpoint.spec.name, endpoint.host_port);
    endpoint.live.health = Health::kUp;
    endpoint.live.failures = 0;
    endpoint.live.avoid_until = {};
  }
  tell(endpoint);
}

void Poller::failed(Endpoint& endpoint, const Error& error) {
  State& state = states_[&endpoint];
  state.asking = false;
  state.timeouts = error.code == Errc::kTimeout ? state.timeouts + 1 : options_.timeouts_max;
  state.retry = std::clamp(state.retry * 2, options_.retry_min, options_.retry_max);
  state.due = clock_.now() + jittered(state.retry);
  state.polls = 0;
  if (endpoint.live.health == Health::kDown || state.timeouts < options_.timeouts_max) return;
  const bool was_up = endpoint.live.health == Health::kUp;
  endpoint.live.health = Health::kDown;
  if (was_up) {
    log::warn("endpoint {} at {} is down: {}", endpoint.spec.name, endpoint.host_port,
              error.message);
    endpoint.live.scrape = {};
    pool_.report_cache_lost(endpoint);
  }
  tell(endpoint);
}

void Poller::on_change(std::function<void(const Endpoint&)> callback) {
  changed_.push_back(std::move(callback));
}

void Poller::tell(const Endpoint& endpoint) const {
  for (const auto& callback : changed_) callback(endpoint);
}

Duration Poller::jittered(Duration duration) {
  constexpr int64_t kTenths = 5;  // 90 % to 110 %
  const int64_t span = std::max<int64_t>(duration.count() / kTenths, 1);
  return duration - Duration(span / 2) +
         Duration(static_cast<int64_t>(random_.below(static_cast<uint64_t>(span))));
}

}  // namespace llmd::endpoints
