// SPDX-License-Identifier: Apache-2.0
// A router in virtual time over endpoints that hold what it sends them.
#pragma once

#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/virtual_time.h"
#include "observe/metrics.h"
#include "request/router.h"

namespace llmd::request {

/// A request and what became of it so far.
class TestRequest final : public TicketHolder {
 public:
  TestRequest(Router& router, const std::string& body, std::vector<http::Header> headers = {})
      : ticket_(router, *this), headers_(std::move(headers)) {
    const auto scan = openai::scan_request(body).value();
    ticket_.begin({.scan = scan, .body = body, .headers = headers_});
  }
  void on_placed() override { is_placed_ = true; }
  void on_refused(const Refusal& refusal) override {
    refusal_ = refusal;
    ticket_.end();
  }

  Ticket& ticket() { return ticket_; }
  bool is_placed() const { return is_placed_; }
  bool is_refused() const { return refusal_.has_value(); }
  const Refusal& refusal() const { return refusal_.value(); }
  std::string place() { return is_placed_ ? ticket_.endpoint().spec.name : "nowhere"; }

 private:
  Ticket ticket_;
  std::vector<http::Header> headers_;
  bool is_placed_ = false;
  std::optional<Refusal> refusal_;
};

/// The endpoints serve model "m"; engine k listens on port k + 1.
class RouterRig {
 public:
  /// `objects` as a user writes them; empty: none. `post`: as in Surroundings.
  explicit RouterRig(std::vector<std::string> endpoint_names, const std::string& objects = "",
                     RouterOptions options = {},
                     std::function<void(std::function<void()>)> post = {}) {
    auto router = Router::make({.pool = pool_,
                                .clock = time_,
                                .call_after = time_.call_after(),
                                .registry = registry_,
                                .seed = 1,
                                .post = std::move(post)},
                               routing(objects), options);
    if (!router) throw std::runtime_error(router.error().message);
    router_ = *std::move(router);
    std::vector<endpoints::EndpointSpec> specs;
    for (std::string& name : endpoint_names) specs.push_back(spec(std::move(name), specs.size()));
    pool_.update(std::move(specs));
    for (size_t i = 0; i < endpoint_names.size(); ++i) set_up(i);
  }

  static RoutingConfig routing(const std::string& objects) {
    auto parsed = resources::parse_objects(objects, "objects.yaml");
    if (!parsed) throw std::runtime_error(parsed.error().message);
    auto config = plan_routing(*std::move(parsed));
    if (!config) throw std::runtime_error(config.error().message);
    return *std::move(config);
  }
  static endpoints::EndpointSpec spec(std::string name, size_t number) {
    return {.name = std::move(name),
            .address = "127.0.0.1",
            .port = static_cast<uint16_t>(number + 1),
            .labels = {}};
  }
  /// Its health check succeeds and lists `models`.
  void set_up(size_t index, std::vector<std::string> models = {"m"}) {
    endpoints::Live& each = live(index);
    each.health = endpoints::Health::kUp;
    each.models = std::move(models);
    router_->endpoint_changed(*pool_.snapshot()->at(index));
  }
  void set_down(size_t index) {
    live(index).health = endpoints::Health::kDown;
    router_->endpoint_changed(*pool_.snapshot()->at(index));
  }

  endpoints::Live& live(size_t index) { return pool_.snapshot()->at(index)->live; }
  endpoints::Pool& pool() { return pool_; }
  observe::Registry& registry() { return registry_; }
  Router& router() { return *router_; }
  void advance(Duration by) { time_.run_until(time_.now() + by); }
  TimePoint now() const { return time_.now(); }

  std::unique_ptr<TestRequest> send(const std::string& body = R"({"model":"m","prompt":"hello"})",
                                    std::vector<http::Header> headers = {}) {
    return std::make_unique<TestRequest>(*router_, body, std::move(headers));
  }
  uint32_t in_flight() {
    uint32_t sum = 0;
    for (const auto& endpoint : *pool_.snapshot()) sum += endpoint->live.in_flight;
    return sum;
  }

 private:
  VirtualTime time_;
  endpoints::Pool pool_;
  observe::Registry registry_;
  std::unique_ptr<Router> router_;
};

}  // namespace llmd::request
