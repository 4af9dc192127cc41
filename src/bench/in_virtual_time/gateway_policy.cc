// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <unordered_map>

#include "bench/in_virtual_time/policy.h"
#include "endpoints/poller.h"
#include "openai/request_scan.h"
#include "request/router.h"

namespace llmd::bench {
namespace {

/// What a poll takes from asking to the answer.
constexpr Duration kPollTime = std::chrono::milliseconds(1);
constexpr uint16_t kFirstPort = 1;
constexpr int kOk = 200;

class GatewayPolicy final : public Policy {
 public:
  GatewayPolicy(const PolicySurroundings& around, std::shared_ptr<schedule::Scheduler> scheduler)
      : time_(around.time),
        engines_(around.engines),
        router_(pool_, time_, std::move(scheduler)),
        poller_(pool_, time_, around.seed,
                [this](const endpoints::Endpoint& endpoint, std::string_view path,
                       endpoints::ReplyCallback callback, endpoints::BodySink sink) {
                  answer(endpoint, path, std::move(callback), std::move(sink));
                }) {
    std::vector<endpoints::EndpointSpec> specs;
    for (size_t i = 0; i < engines_.size(); ++i) {
      endpoints::EndpointSpec spec;
      spec.name = fmt::format("engine-{}", i);
      spec.address = "127.0.0.1";
      spec.port = static_cast<uint16_t>(kFirstPort + i);
      specs.push_back(std::move(spec));
    }
    pool_.update(std::move(specs));
    poll();
  }

  std::optional<uint32_t> place(uint64_t number, std::string_view body) override {
    const auto scan = openai::scan_request(body);
    if (!scan) return std::nullopt;
    auto placed = router_.admit({.scan = *scan, .body = body});
    auto* ticket = std::get_if<request::Ticket>(&placed);
    if (ticket == nullptr) return std::nullopt;
    const uint32_t engine = index_of(ticket->endpoint());
    tickets_.emplace(number, std::move(*ticket));
    return engine;
  }
  void first_token(uint64_t number) override { tickets_.at(number).first_token(); }
  void ended(uint64_t number) override {
    const auto ticket = tickets_.find(number);
    if (ticket == tickets_.end()) return;
    ticket->second.finished();
    tickets_.erase(ticket);
  }

 private:
  static uint32_t index_of(const endpoints::Endpoint& endpoint) {
    return endpoint.spec.port - kFirstPort;
  }

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
  request::Router router_;
  endpoints::Poller poller_;
  std::unordered_map<uint64_t, request::Ticket> tickets_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Result<std::unique_ptr<Policy>> make_gateway_policy(const PolicySurroundings& around,
                                                    const resources::EndpointPickerConfig& config) {
  LLMD_ASSIGN_OR_RETURN(auto scheduler, schedule::Scheduler::make(config, around.seed));
  return std::unique_ptr<Policy>(std::make_unique<GatewayPolicy>(around, std::move(scheduler)));
}

}  // namespace llmd::bench
