// SPDX-License-Identifier: Apache-2.0
// A whole gateway without sockets, in virtual time: router, poller and circuits as `llmd gateway`
// runs them, before engines in trouble; with clients that do as gateway/relay.cc does.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "base/virtual_time.h"
#include "endpoints/poller.h"
#include "observe/metrics.h"
#include "request/test_rig.h"
#include "request/troubled_engine.h"

namespace llmd::request::trouble {

/// What a client has in the end.
enum class Outcome : uint8_t {
  kNone,        ///< not ended
  kFinished,    ///< the whole answer
  kRefused,     ///< by the router, before any engine was asked; or taken back
  kNoEngine,    ///< every engine that was tried failed
  kPassedOn,    ///< the last engine's own 5xx
  kBroken,      ///< an answer that broke off
  kClientLeft,  ///< it went away itself
};

class World;

/// One request of a client. What it calls of its ticket, and in which order, is as in Relay.
class Client final : public TicketHolder, private Call {
 public:
  Client(World& world, uint64_t number, const std::string& prompt);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void start();
  void leave();
  void on_placed() override { send(); }
  void on_refused(const Refusal& refusal) override;

  bool is_placed() const { return connection_ != nullptr; }
  bool waits() const { return ticket_.waits(); }
  Outcome outcome() const { return outcome_; }
  int status() const { return status_; }
  uint64_t number() const { return number_; }
  Duration waited() const { return waited_; }
  const std::vector<size_t>& engines() const { return engines_; }

 private:
  void send();
  void hang_up();
  void on_head(int status) override;
  void on_event(bool last) override;
  void on_failure(Failure failure) override;
  void end(Outcome outcome, int status);

  World& world_;
  const uint64_t number_;
  const std::string body_;
  Ticket ticket_;
  TimePoint came_at_{};
  Duration waited_{};            ///< before it was placed, or refused
  std::vector<size_t> engines_;  ///< that it was sent to
  Connection connection_;        ///< null while it is nowhere
  bool began_ = false;           ///< bytes of the answer were passed on
  Outcome outcome_ = Outcome::kNone;
  int status_ = 0;
};

/// Engine k is endpoint "ek" on port k + 1.
class World {
 public:
  World(uint64_t seed, size_t engine_count, const std::string& objects = "")
      : random_(seed),
        poller_(pool_, time_, seed,
                [this](const endpoints::Endpoint& endpoint, std::string_view path,
                       endpoints::ReplyCallback callback, endpoints::BodySink sink) {
                  engine(index_of(endpoint)).get(path, std::move(callback), std::move(sink));
                }) {
    auto router = Router::make({.pool = pool_,
                                .clock = time_,
                                .call_after = time_.call_after(),
                                .registry = registry_,
                                .seed = seed},
                               RouterRig::routing(objects), {});
    if (!router) throw std::runtime_error(router.error().message);
    router_ = *std::move(router);
    poller_.on_change([this](const endpoints::Endpoint& each) { router_->endpoint_changed(each); });
    for (size_t i = 0; i < engine_count; ++i) engines_.emplace_back(time_, random_.next());
    placed_at_.resize(engine_count);
    list(std::vector<bool>(engine_count, true));
    poll();
    run(std::chrono::seconds(1));  // all are found to be up
  }

  Engine& engine(size_t index) { return engines_.at(index); }
  size_t engine_count() const { return engines_.size(); }
  Random& random() { return random_; }
  Router& router() { return *router_; }
  TimePoint now() const { return time_.now(); }

  /// Endpoints as discovery says: which are listed, and which of them drain.
  void list(const std::vector<bool>& listed, const std::vector<bool>& draining = {}) {
    std::vector<endpoints::EndpointSpec> specs;
    for (size_t i = 0; i < listed.size(); ++i) {
      if (!listed[i]) continue;
      specs.push_back(RouterRig::spec(fmt::format("e{}", i), i));
      if (i < draining.size() && draining[i]) {
        specs.back().labels.emplace(endpoints::kDrainingLabel, "true");
      }
    }
    pool_.update(std::move(specs));
    for (const auto& endpoint : *pool_.snapshot()) {
      if (std::ranges::find(ever_, endpoint) == ever_.end()) ever_.push_back(endpoint);
    }
  }
  void use(const std::string& objects) {
    EXPECT_TRUE(router_->use(RouterRig::routing(objects)).ok());
  }

  void run(Duration duration) { time_.run_until(now() + duration); }
  void after(Duration delay, std::function<void()> work) {
    time_.call_at(now() + delay, std::move(work));
  }
  void every(Duration interval, std::function<void()> work) {
    after(interval, [this, interval, work = std::move(work)] {
      work();
      every(interval, work);
    });
  }
  Client& send() {
    Client& client = *clients_.emplace_back(new_client());
    client.start();
    check_load();
    return client;
  }
  /// Requests at random times, `rate` in a second, while `duration` passes.
  void load(double rate, Duration duration, double leaving = 0) {
    const TimePoint end = now() + duration;
    arrive(rate, end, leaving);
    time_.run_until(end);
  }

  const std::vector<std::unique_ptr<Client>>& clients() const { return clients_; }
  size_t count(Outcome outcome) const {
    return static_cast<size_t>(std::ranges::count_if(
        clients_, [&](const auto& each) { return each->outcome() == outcome; }));
  }
  /// When requests were sent to the engine.
  const std::vector<TimePoint>& placed_at(size_t index) const { return placed_at_.at(index); }
  size_t placed_since(size_t index, TimePoint since) const {
    return static_cast<size_t>(
        std::ranges::count_if(placed_at_.at(index), [&](TimePoint at) { return at >= since; }));
  }
  size_t placed_since(TimePoint since) const {
    size_t sum = 0;
    for (size_t i = 0; i < engines_.size(); ++i) sum += placed_since(i, since);
    return sum;
  }
  /// All that happened, a line each.
  const std::string& story() const { return story_; }

  /// What waits in flow control, by its own count.
  double queued() {
    router_->publish_metrics();
    return sum_of("llm_d_epp_flow_control_queue_size");
  }
  /// Nobody sends any more. When all has ended nothing is lost, and nothing left over.
  void settle() {
    constexpr int kSecondsMax = 1000;
    for (int i = 0; i < kSecondsMax && count(Outcome::kNone) > 0; ++i) run(std::chrono::seconds(1));
    EXPECT_EQ(count(Outcome::kNone), 0U) << "requests without an end";
    for (const auto& endpoint : ever_) {
      EXPECT_EQ(endpoint->live.in_flight, 0U) << endpoint->spec.name;
      EXPECT_EQ(endpoint->live.in_flight_tokens, 0U) << endpoint->spec.name;
      EXPECT_EQ(endpoint->live.prefill_tokens, 0U) << endpoint->spec.name;
    }
    for (const Engine& each : engines_) EXPECT_EQ(each.busy(), 0U);
    EXPECT_EQ(queued(), 0);
  }

 private:
  friend class Client;
  bool may_get_work(const endpoints::Endpoint& endpoint) const {
    const auto listed = pool_.snapshot();
    return endpoint.takes_work() && std::ranges::find(*listed, &endpoint, [](const auto& each) {
                                      return each.get();
                                    }) != listed->end();
  }
  static size_t index_of(const endpoints::Endpoint& endpoint) { return endpoint.spec.port - 1U; }

  void poll() {
    after(poller_.tick(), [this] { poll(); });
  }
  void arrive(double rate, TimePoint end, double leaving) {
    const std::chrono::duration<double> gap(-std::log(1 - random_.next_unit()) / rate);
    const TimePoint at = now() + std::chrono::duration_cast<Duration>(gap);
    if (at >= end) return;
    time_.call_at(at, [this, rate, end, leaving] {
      Client& client = send();
      if (random_.next_unit() < leaving) {
        after(std::chrono::milliseconds(random_.below(1000)), [&client] { client.leave(); });
      }
      arrive(rate, end, leaving);
    });
  }
  /// Half of them belong to conversations that a cache may know.
  std::unique_ptr<Client> new_client() {
    constexpr uint64_t kConversations = 200;
    const uint64_t topic = random_.below(2 * kConversations);
    const std::string prompt = fmt::format(
        "{} {:x<1000} {}", topic < kConversations ? topic : random_.next(), "", clients_.size());
    return std::make_unique<Client>(*this, clients_.size(), prompt);
  }
  void note(const Client& client, std::string_view what) {
    fmt::format_to(std::back_inserter(story_), "{} {} {}\n", now().time_since_epoch().count(),
                   client.number(), what);
  }
  void note_placed(const Client& client, size_t index) {
    ++placed_now_;
    placed_at_.at(index).push_back(now());
    note(client, fmt::format("goes to {}", index));
  }
  void note_left() { --placed_now_; }
  /// Each request under way counts at one endpoint, once.
  void check_load() {
    const size_t counted = std::accumulate(
        ever_.begin(), ever_.end(), size_t{0},
        [](size_t sum, const auto& endpoint) { return sum + endpoint->live.in_flight; });
    EXPECT_EQ(counted, placed_now_);
  }
  double sum_of(std::string_view name) const {
    double sum = 0;
    const std::string page = registry_.exposition();
    for (const std::string_view line : split(page, '\n')) {
      if (line.starts_with(name)) sum += std::stod(std::string(line.substr(line.rfind(' '))));
    }
    return sum;
  }

  VirtualTime time_;
  Random random_;
  endpoints::Pool pool_;
  observe::Registry registry_;
  std::unique_ptr<Router> router_;
  std::deque<Engine> engines_;
  endpoints::Poller poller_;
  endpoints::Snapshot ever_;  ///< every endpoint that was listed
  std::vector<std::vector<TimePoint>> placed_at_;
  size_t placed_now_ = 0;
  std::string story_;
  std::vector<std::unique_ptr<Client>> clients_;
};

inline Client::Client(World& world, uint64_t number, const std::string& prompt)
    : world_(world),
      number_(number),
      body_(fmt::format(R"({{"model":"m","stream":true,"max_tokens":50,"prompt":"{}"}})", prompt)),
      ticket_(world.router(), *this) {}

inline void Client::start() {
  came_at_ = world_.now();
  const auto scan = openai::scan_request(body_).value();
  ticket_.begin({.scan = scan, .body = body_});
}

inline void Client::send() {
  if (engines_.empty()) waited_ = world_.now() - came_at_;
  const size_t index = World::index_of(ticket_.endpoint());
  EXPECT_EQ(std::ranges::count(engines_, index), 0) << "tried twice";
  EXPECT_TRUE(world_.may_get_work(ticket_.endpoint()));
  engines_.push_back(index);
  world_.note_placed(*this, index);
  connection_ = std::make_shared<Call*>(static_cast<Call*>(this));
  world_.engine(index).accept(connection_);
}

inline void Client::hang_up() {
  if (connection_ == nullptr) return;
  world_.note_left();
  world_.engine(engines_.back()).forget(std::exchange(connection_, nullptr));
}

inline void Client::on_head(int status) {
  if (!is_retryable(status)) return ticket_.first_byte();
  if (!ticket_.retry(Failure::kServerError)) {
    hang_up();
    return send();
  }
  ticket_.finished();
  end(Outcome::kPassedOn, status);
}

inline void Client::on_event(bool last) {
  began_ = true;
  ticket_.first_token();
  if (ticket_.counts_output()) ticket_.add_output_tokens(1);
  if (!last) return;
  ticket_.finished();
  end(Outcome::kFinished, 200);
}

inline void Client::on_failure(Failure failure) {
  if (began_) {
    ticket_.broken();
    return end(Outcome::kBroken, 502);
  }
  if (!ticket_.retry(failure)) {
    hang_up();
    return send();
  }
  end(Outcome::kNoEngine, failure == Failure::kTimeout ? 504 : 502);
}

inline void Client::on_refused(const Refusal& refusal) {
  if (engines_.empty()) waited_ = world_.now() - came_at_;
  end(Outcome::kRefused, refusal.error.status);
}

inline void Client::leave() {
  if (outcome_ != Outcome::kNone) return;
  ticket_.finished();
  end(Outcome::kClientLeft, 499);
}

inline void Client::end(Outcome outcome, int status) {
  EXPECT_EQ(outcome_, Outcome::kNone) << "ended twice";
  outcome_ = outcome;
  status_ = status;
  world_.note(*this, fmt::format("ends {} {}", static_cast<int>(outcome), status));
  hang_up();
  ticket_.end();
}

}  // namespace llmd::request::trouble
