// SPDX-License-Identifier: Apache-2.0
#include "endpoints/poller.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "endpoints/scrape.h"

namespace llmd::endpoints {
namespace {

constexpr int kOk = 200;
constexpr int kNotFound = 404;

/// While requests flow polls are to lie close to their time, and apart from each other.
constexpr Duration kBusyStep = std::chrono::milliseconds(20);
constexpr Duration kIdleStep = std::chrono::milliseconds(100);

/// Whether requests of ours are there, or have been since the last poll.
bool is_busy(const Live& live, TimePoint asked_at) {
  return live.in_flight > 0 || live.in_flight_at_scrape > 0 || live.placed_at > asked_at;
}

std::optional<Error> error_of(const Result<Reply>& reply, std::string_view path) {
  if (!reply) return reply.error();
  if (reply->status == kOk) return std::nullopt;
  return Error{Errc::kUnavailable, fmt::format("{} answered {}", path, reply->status)};
}

/// Whether they are others than before.
bool take_models(ModelList models, Live& live) {
  const ModelList before{live.models, live.adapters, live.max_model_len};
  if (models == before) return false;
  live.models = std::move(models.names);
  live.adapters = std::move(models.adapters);
  live.max_model_len = models.max_model_len;
  return true;
}

}  // namespace

Poller::Poller(Pool& pool, const Clock& clock, uint64_t seed, Fetch fetch, PollerOptions options)
    : pool_(pool),
      clock_(clock),
      random_(seed),
      fetch_(std::move(fetch)),
      names_of_([](const Endpoint& endpoint) { return EngineMetrics::built_in().of(endpoint); }),
      options_(options) {}

Duration Poller::tick() {
  const auto snapshot = pool_.snapshot();
  const TimePoint soon = clock_.now() + kBusyStep / 2;
  bool any_busy = false;
  for (const auto& endpoint : *snapshot) {
    const State& state = states_.of(endpoint);
    const bool busy = is_busy(endpoint->live, state.asked_at);
    any_busy = any_busy || busy;
    if (state.asking) {
      note_stale(*endpoint, state);
    } else if (state.idle_due <= soon || (busy && state.busy_due <= soon)) {
      begin(endpoint);
    }
  }
  return any_busy ? kBusyStep : kIdleStep;
}

void Poller::begin(const std::shared_ptr<Endpoint>& endpoint) {
  State& state = states_.of(endpoint);
  state.asking = true;
  state.checking = false;
  state.asked_at = clock_.now();
  if (!state.unread_since) state.unread_since = state.asked_at;
  const bool check_due = endpoint->live.health != Health::kUp || state.timeouts > 0 ||
                         state.check_due <= state.asked_at;
  if (check_due) {
    check_health(endpoint);
  } else {
    read_load(endpoint);
  }
}

void Poller::ask(const std::shared_ptr<Endpoint>& endpoint, std::string_view path,
                 std::function<void(const Result<Reply>&)> then, BodySink sink) {
  fetch_(
      *endpoint, path,
      [this, alive = std::weak_ptr(alive_), endpoint, then = std::move(then)](Result<Reply> reply) {
        if (alive.expired() || states_.find(endpoint) == nullptr) return;
        then(reply);
      },
      std::move(sink));
}

void Poller::check_health(const std::shared_ptr<Endpoint>& endpoint) {
  states_.of(endpoint).checking = true;
  ask(endpoint, "/health", [this, endpoint](const Result<Reply>& reply) {
    if (const auto error = error_of(reply, "/health")) return check_failed(endpoint, *error);
    check_models(endpoint);
  });
}

void Poller::check_models(const std::shared_ptr<Endpoint>& endpoint) {
  ask(endpoint, "/v1/models", [this, endpoint](const Result<Reply>& reply) {
    if (const auto error = error_of(reply, "/v1/models")) return check_failed(endpoint, *error);
    auto models = parse_models(reply->body);
    if (!models) return check_failed(endpoint, models.error());
    State& state = states_.of(endpoint);
    state.check_due = clock_.now() + jittered(options_.check_interval);
    state.timeouts = 0;
    if (take_models(*std::move(models), endpoint->live)) tell(*endpoint);
    read_load(endpoint);
  });
}

void Poller::read_load(const std::shared_ptr<Endpoint>& endpoint) {
  auto& reader = states_.of(endpoint).reader;
  auto names = names_of_(*endpoint);
  if (!reader || reader->names() != names.get()) {
    reader = std::make_shared<MetricsReader>(std::move(names), endpoint->rank);
  }
  reader->begin();
  ask(
      endpoint, "/metrics",
      [this, endpoint](const Result<Reply>& reply) { take_load(endpoint, reply); },
      [reader = reader](std::string_view bytes) { reader->read(bytes); });
}

void Poller::take_load(const std::shared_ptr<Endpoint>& endpoint, const Result<Reply>& reply) {
  State& state = states_.of(endpoint);
  // An engine without metrics can serve all the same.
  const bool has_none = reply && reply->status == kNotFound;
  const auto error = error_of(reply, "/metrics");
  if (error && !has_none) return load_failed(endpoint, *error);
  const bool changed = !has_none && apply(*endpoint, state.reader->finish());
  state.unread_since.reset();
  state.retry = {};
  endpoint->live.stale = false;
  state.idle_interval = changed ? options_.idle_interval
                                : std::clamp(state.idle_interval * 2, options_.idle_interval,
                                             options_.idle_interval_max);
  state.busy_due = state.asked_at + jittered(options_.busy_interval);
  state.idle_due = state.asked_at + jittered(state.idle_interval);
  become_up(endpoint);
}

/// Whether the figures are others than before.
bool Poller::apply(Endpoint& endpoint, const Scrape& scrape) {
  Live& live = endpoint.live;
  const bool restarted =
      live.scrape.process_start_s != scrape.process_start_s && live.scrape.process_start_s != 0;
  if (restarted) pool_.report_cache_lost(endpoint);
  const bool changed = live.scrape != scrape;
  live.scrape = scrape;
  live.in_flight_at_scrape = live.in_flight;
  live.scraped_at = clock_.now();
  return changed;
}

/// Whether the engine is there at all, its health says.
void Poller::load_failed(const std::shared_ptr<Endpoint>& endpoint, const Error& error) {
  const State& state = states_.of(endpoint);
  if (!state.checking) return check_health(endpoint);
  if (state.retry == Duration::zero()) {
    log::warn("the metrics of endpoint {} at {} cannot be read: {}", endpoint->spec.name,
              endpoint->host_port, error.message);
  }
  retry_later(endpoint);
  become_up(endpoint);
}

void Poller::check_failed(const std::shared_ptr<Endpoint>& endpoint, const Error& error) {
  State& state = states_.of(endpoint);
  state.timeouts = error.code == Errc::kTimeout ? state.timeouts + 1 : options_.timeouts_max;
  retry_later(endpoint);
  if (state.timeouts >= options_.timeouts_max) become_down(*endpoint, error);
}

void Poller::retry_later(const std::shared_ptr<Endpoint>& endpoint) {
  State& state = states_.of(endpoint);
  state.asking = false;
  state.retry = std::clamp(state.retry * 2, options_.retry_min, options_.retry_max);
  state.busy_due = state.idle_due = clock_.now() + jittered(state.retry);
  note_stale(*endpoint, state);
}

void Poller::note_stale(Endpoint& endpoint, const State& state) const {
  if (endpoint.live.stale || !state.unread_since) return;
  if (clock_.now() - *state.unread_since < options_.stale_after) return;
  endpoint.live.stale = true;
  tell(endpoint);
}

void Poller::become_up(const std::shared_ptr<Endpoint>& endpoint) {
  states_.of(endpoint).asking = false;
  Live& live = endpoint->live;
  if (live.health != Health::kUp) {
    log::info("endpoint {} at {} is up", endpoint->spec.name, endpoint->host_port);
    live.health = Health::kUp;
  }
  tell(*endpoint);
}

void Poller::become_down(Endpoint& endpoint, const Error& error) {
  if (endpoint.live.health == Health::kDown) return;
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

/// 75 % to 125 %, so that polls that began together soon lie apart.
Duration Poller::jittered(Duration duration) {
  const auto spread = static_cast<uint64_t>(duration.count() / 2) + 1;
  return duration * 3 / 4 + Duration(static_cast<int64_t>(random_.below(spread)));
}

}  // namespace llmd::endpoints
