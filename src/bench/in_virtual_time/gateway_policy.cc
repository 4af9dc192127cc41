// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <unordered_map>

#include "bench/in_virtual_time/policy.h"
#include "bench/in_virtual_time/virtual_caches.h"
#include "endpoints/poller.h"
#include "observe/metrics.h"
#include "openai/request_scan.h"
#include "request/router.h"
#include "request/routing_config.h"
#include "tokenize/prompt_tokenizer.h"

namespace llmd::bench {
namespace {

/// What a poll takes from asking to the answer.
constexpr Duration kPollTime = std::chrono::milliseconds(1);
constexpr uint16_t kFirstPort = 1;
constexpr int kOk = 200;

uint32_t index_of(const endpoints::Endpoint& endpoint) { return endpoint.spec.port - kFirstPort; }

/// One request at the router.
class RoutedRequest final : public request::TicketHolder {
 public:
  RoutedRequest(request::Router& router, std::function<void(const Placement&)> placed)
      : ticket_(router, *this), placed_(std::move(placed)) {}

  void begin(const request::Arrival& arrival) { ticket_.begin(arrival); }
  request::Ticket& ticket() { return ticket_; }
  void on_placed() override { placed_(index_of(ticket_.endpoint())); }
  void on_refused(const request::Refusal& refusal) override { placed_(refusal.error); }

 private:
  request::Ticket ticket_;
  std::function<void(const Placement&)> placed_;
};

class GatewayPolicy final : public Policy {
 public:
  explicit GatewayPolicy(const PolicySurroundings& around)
      : time_(around.time),
        engines_(around.engines),
        poller_(pool_, time_, around.seed,
                [this](const endpoints::Endpoint& endpoint, std::string_view path,
                       endpoints::ReplyCallback callback, endpoints::BodySink sink) {
                  answer(endpoint, path, std::move(callback), std::move(sink));
                }) {}

  Result<void> start(const resources::Objects& objects, uint64_t seed) {
    LLMD_ASSIGN_OR_RETURN(auto config, request::plan_routing(objects));
    for (auto& route : config.routes) route.tokenizer = tokenize::kWords4;  // the engines' own
    LLMD_ASSIGN_OR_RETURN(router_, request::Router::make({.pool = pool_,
                                                          .clock = time_,
                                                          .call_after = time_.call_after(),
                                                          .registry = registry_,
                                                          .seed = seed},
                                                         config, {}));
    router_->follow_caches(
        [this] { return std::make_unique<VirtualCaches>(time_, engines_, kFirstPort); });
    poller_.on_change(
        [this](const endpoints::Endpoint& endpoint) { router_->endpoint_changed(endpoint); });
    std::vector<endpoints::EndpointSpec> specs;
    for (size_t i = 0; i < engines_.size(); ++i) {
      endpoints::EndpointSpec spec;
      spec.name = fmt::format("engine-{}", i);
      spec.address = "127.0.0.1";
      spec.port = static_cast<uint16_t>(kFirstPort + i);
      spec.labels.emplace(endpoints::kKvEventsPortLabel, std::to_string(spec.port));
      specs.push_back(std::move(spec));
    }
    pool_.update(std::move(specs));
    poll();
    return {};
  }

  void place(const Sent& sent, std::function<void(const Placement&)> placed) override {
    const auto scan = openai::scan_request(sent.body);
    if (!scan) return placed(openai::to_api_error(scan.error()));
    auto& request = requests_[sent.number];
    request = std::make_unique<RoutedRequest>(*router_, std::move(placed));
    request->begin({.scan = *scan, .body = sent.body, .headers = sent.headers});
  }
  void first_token(uint64_t number) override { requests_.at(number)->ticket().first_token(); }
  void ended(uint64_t number) override {
    const auto found = requests_.find(number);
    if (found == requests_.end()) return;
    const auto request = std::move(found->second);  // others may be let go meanwhile
    requests_.erase(found);
    request->ticket().finished();
  }

 private:
  void poll() {
    time_.call_at(time_.now() + poller_.tick(), [this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) poll();
    });
  }

  void answer(const endpoints::Endpoint& endpoint, std::string_view path,
              endpoints::ReplyCallback callback, endpoints::BodySink sink) {
    std::string page = engines_[index_of(endpoint)]->get(path);
    time_.call_at(time_.now() + kPollTime, [page = std::move(page), callback = std::move(callback),
                                            sink = std::move(sink)]() mutable {
      if (sink) sink(page);
      callback(endpoints::Reply{kOk, std::move(page)});
    });
  }

  VirtualTime& time_;
  std::span<const std::unique_ptr<VirtualEngine>> engines_;
  endpoints::Pool pool_;
  observe::Registry registry_;
  std::unique_ptr<request::Router> router_;
  endpoints::Poller poller_;
  std::unordered_map<uint64_t, std::unique_ptr<RoutedRequest>> requests_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Result<std::unique_ptr<Policy>> make_gateway_policy(const PolicySurroundings& around,
                                                    const resources::Objects& objects) {
  auto policy = std::make_unique<GatewayPolicy>(around);
  LLMD_RETURN_IF_ERROR(policy->start(objects, around.seed));
  return std::unique_ptr<Policy>(std::move(policy));
}

}  // namespace llmd::bench
