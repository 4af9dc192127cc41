// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_metrics.h"

#include <fmt/format.h>

#include <vector>

namespace llmd::gateway {

namespace {

const std::vector<double> kSecondsBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,   2.5,
                                            5,     10,   15,    20,   30,  45,   60,  120, 300};

observe::Labels with(observe::Labels base, std::string name, std::string value) {
  base.emplace_back(std::move(name), std::move(value));
  return base;
}

}  // namespace

RequestMetrics::RequestMetrics(observe::Registry& registry, const RequestLabels& of)
    : priority(of.priority),
      labels({{"model_name", std::string(of.model)},
              {"target_model_name", std::string(of.target_model)},
              {"fairness_id", std::string(of.fairness_id)},
              {"priority", std::to_string(of.priority)}}),
      requests(registry.counter("llm_d_epp_request_total", "Requests admitted", labels)),
      duration_s(registry.histogram("llm_d_epp_request_duration_seconds",
                                    "From the whole request to the end of the response",
                                    kSecondsBounds, labels)),
      ttft_streaming_s(registry.histogram("llm_d_epp_request_ttft_seconds",
                                          "From the whole request to the first byte of the answer",
                                          kSecondsBounds, with(labels, "streaming", "true"))),
      ttft_whole_s(registry.histogram("llm_d_epp_request_ttft_seconds",
                                      "From the whole request to the first byte of the answer",
                                      kSecondsBounds, with(labels, "streaming", "false"))),
      running(registry.gauge("llm_d_epp_request_running", "Requests under way", labels)) {}

bool RequestMetrics::are_of(const RequestLabels& asked) const {
  return priority == asked.priority && labels[0].second == asked.model &&
         labels[1].second == asked.target_model && labels[2].second == asked.fairness_id;
}

void RequestMetrics::count_error(observe::Registry& registry, int status) {
  auto found = errors.find(status);
  if (found == errors.end()) {
    const auto counter = registry.counter("llm_d_epp_request_error_total", "Requests that failed",
                                          with(labels, "error_code", std::to_string(status)));
    found = errors.emplace(status, counter).first;
  }
  found->second.add();
}

GatewayMetrics::GatewayMetrics()
    : retries_(registry_.counter("llmd_gateway_retries_total",
                                 "Attempts repeated on another endpoint before the first byte")) {}

RequestMetrics& GatewayMetrics::of(const RequestLabels& labels) {
  if (last_ != nullptr && last_->are_of(labels)) return *last_;
  const RequestLabels bounded{.model = models_.bounded(labels.model),
                              .target_model = models_.bounded(labels.target_model),
                              .fairness_id = fairness_ids_.bounded(labels.fairness_id),
                              .priority = labels.priority};
  auto& found = requests_[fmt::format("{}\n{}\n{}\n{}", bounded.model, bounded.target_model,
                                      bounded.fairness_id, bounded.priority)];
  if (found == nullptr) found = std::make_unique<RequestMetrics>(registry_, bounded);
  last_ = found.get();
  return *last_;
}

void GatewayMetrics::add_limit(const char* limit, uint64_t now) {
  auto counter =
      registry_.counter("llmd_gateway_limit_reached_total",
                        "Requests or connections refused at a limit", {{"limit", limit}});
  counter.add(static_cast<double>(now) - counter.value());
}

std::string GatewayMetrics::exposition(const endpoints::Snapshot& endpoints,
                                       const http::ServerCounters& limits, size_t connections) {
  double ready = 0;
  for (const auto& endpoint : endpoints) {
    if (endpoint->takes_work()) ++ready;
  }
  registry_.gauge("llm_d_epp_ready_endpoints", "Endpoints that can serve", {{"name", "default"}})
      .set(ready);
  registry_.gauge("llmd_gateway_connections", "Client connections open")
      .set(static_cast<double>(connections));
  for (auto& [key, each] : requests_) each->running.set(static_cast<double>(each->running_now));
  add_limit("connections", limits.connections_over_limit);
  add_limit("head_bytes", limits.heads_too_large);
  add_limit("body_bytes", limits.bodies_too_large);
  add_limit("request_time", limits.requests_too_slow);
  add_limit("write_time", limits.writes_timed_out);
  registry_
      .gauge("llmd_gateway_invalid_requests", "Requests refused as invalid HTTP since the start")
      .set(static_cast<double>(limits.requests_invalid));
  return registry_.exposition();
}

}  // namespace llmd::gateway
