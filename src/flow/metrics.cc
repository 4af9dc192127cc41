// SPDX-License-Identifier: Apache-2.0
#include "flow/metrics.h"

#include <fmt/format.h>

#include <vector>

namespace llmd::flow {
namespace {

constexpr const char* kQueueDuration = "llm_d_epp_flow_control_request_queue_duration_seconds";
constexpr const char* kEnqueueDuration = "llm_d_epp_flow_control_request_enqueue_duration_seconds";
constexpr const char* kTotal = "llm_d_epp_flow_control_requests_total";
constexpr const char* kConfirmation = "llm_d_epp_flow_control_revocation_confirmation_seconds";

/// Upstream's buckets of both.
const std::vector<double>& wait_buckets() {
  static const std::vector<double> buckets = {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1,
                                              0.25,   0.5,    1,     2.5,   5,    10,    30,   60};
  return buckets;
}
const std::vector<double>& cpu_buckets() {
  static const std::vector<double> buckets = {1e-7, 2e-7, 5e-7, 1e-6, 2e-6, 5e-6, 1e-5,
                                              2e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1};
  return buckets;
}

}  // namespace

Metrics::Metrics(observe::Registry& registry, std::string pool)
    : registry_(registry),
      pool_(std::move(pool)),
      dispatch_duration_(registry.histogram(
          "llm_d_epp_flow_control_dispatch_cycle_duration_seconds",
          "CPU time of letting requests through, until none can go.", cpu_buckets())) {}

Series& Metrics::series(std::string_view fairness_id, int32_t priority, std::string_view model,
                        std::string_view target_model) {
  fairness_id = fairness_ids_.bounded(fairness_id);
  model = models_.bounded(model);
  target_model = models_.bounded(target_model);
  key_.clear();
  fmt::format_to(std::back_inserter(key_), "{}\n{}\n{}\n{}", priority, fairness_id, model,
                 target_model);
  const auto found = series_.find(key_);
  if (found != series_.end()) return found->second;
  Series& made = series_[key_];
  made.fairness_id = fairness_id;
  made.priority = std::to_string(priority);
  made.model = model;
  made.target_model = target_model;
  return made;
}

observe::Labels Metrics::labels_of(const Series& series) const {
  return {{"fairness_id", series.fairness_id},
          {"priority", series.priority},
          {"inference_pool", pool_},
          {"model_name", series.model},
          {"target_model_name", series.target_model}};
}

void Metrics::enqueue_took(Series& series, std::optional<Decision> decision, Duration duration) {
  const size_t place = decision ? static_cast<size_t>(*decision) : kDecisions;
  auto& histogram = series.enqueue_duration[place];
  if (!histogram) {
    const std::string_view outcome = decision ? verdict_of(*decision).outcome : "NotYetFinalized";
    histogram = registry_.histogram(kEnqueueDuration,
                                    "CPU time until a request is let through, refused or queued.",
                                    cpu_buckets(),
                                    {{"fairness_id", series.fairness_id},
                                     {"priority", series.priority},
                                     {"outcome", std::string(outcome)}});
  }
  histogram->observe(to_seconds(duration));
}

observe::Counter& Metrics::total(const Series& series, Decision decision) {
  const std::string_view outcome = verdict_of(decision).outcome;
  const auto found = totals_.find({outcome, series.priority});
  if (found != totals_.end()) return found->second;
  const auto made = registry_.counter(kTotal, "Requests by what became of them in flow control.",
                                      {{"outcome", std::string(outcome)},
                                       {"priority", series.priority},
                                       {"inference_pool", pool_}});
  return totals_.emplace(std::pair(outcome, series.priority), made).first->second;
}

void Metrics::decided(Series& series, Decision decision, Duration waited) {
  total(series, decision).add();
  auto& histogram = series.queue_duration[static_cast<size_t>(decision)];
  if (!histogram) {
    auto labels = labels_of(series);
    labels.emplace_back("outcome", verdict_of(decision).outcome);
    histogram = registry_.histogram(kQueueDuration, "Time from arrival until the decision.",
                                    wait_buckets(), labels);
  }
  histogram->observe(to_seconds(waited));
}

void Metrics::revoking(double target, double pending) {
  registry_
      .gauge("llm_d_epp_flow_control_reclaim_target",
             "Saturation above the ceiling of those who wait.", {{"inference_pool", pool_}})
      .set(target);
  registry_
      .gauge("llm_d_epp_flow_control_pending_reclaim",
             "Saturation that revoked requests are still to give back.",
             {{"inference_pool", pool_}})
      .set(pending);
}

void Metrics::revocations_issued(uint64_t count) {
  registry_
      .counter("llm_d_epp_flow_control_revocations_issued_total", "Running requests told to end.",
               {{"inference_pool", pool_}})
      .add(static_cast<double>(count));
}

void Metrics::revocation_ended(bool confirmed, Duration after) {
  registry_
      .counter("llm_d_epp_flow_control_revocations_total", "Revocations by how they ended.",
               {{"inference_pool", pool_}, {"outcome", confirmed ? "confirmed" : "timed_out"}})
      .add();
  if (!confirmed) return;
  registry_
      .histogram(kConfirmation, "Time from revoking a request until it ended.", wait_buckets(),
                 {{"inference_pool", pool_}})
      .observe(to_seconds(after));
}

void Metrics::publish_band(int32_t priority, const Usage& usage) {
  const observe::Labels labels = {{"priority", std::to_string(priority)},
                                  {"inference_pool", pool_}};
  registry_
      .gauge("llm_d_epp_flow_control_capacity_utilization_requests",
             "Queued requests of a priority, as a share of its bound.", labels)
      .set(usage.requests);
  registry_
      .gauge("llm_d_epp_flow_control_capacity_utilization_bytes",
             "Queued bytes of a priority, as a share of its bound.", labels)
      .set(usage.bytes);
}

void Metrics::publish(const Usage& global, const Saturation& saturation, int64_t stale_endpoints) {
  const observe::Labels pool = {{"inference_pool", pool_}};
  const auto set = [&](const char* name, const char* help, const observe::Labels& labels,
                       double value) { registry_.gauge(name, help, labels).set(value); };
  for (const auto& [key, series] : series_) {
    const observe::Labels labels = labels_of(series);
    set("llm_d_epp_flow_control_queue_size", "Requests that wait.", labels,
        static_cast<double>(series.requests));
    set("llm_d_epp_flow_control_queue_bytes", "Bytes of the requests that wait.", labels,
        static_cast<double>(series.bytes));
  }
  set("llm_d_epp_flow_control_global_capacity_utilization_requests",
      "Queued requests, as a share of the bound.", pool, global.requests);
  set("llm_d_epp_flow_control_global_capacity_utilization_bytes",
      "Queued bytes, as a share of the bound.", pool, global.bytes);
  const auto stage = [&](const char* name, double value) {
    set("llm_d_epp_flow_control_pool_saturation", "How full the pool is; 1 is as it should be.",
        {{"inference_pool", pool_}, {"stage", name}}, value);
  };
  stage("prefill", saturation.prefill);
  stage("decode", saturation.decode);
  stage("effective", saturation.effective);
  set("llm_d_epp_flow_control_stale_endpoints", "Endpoints whose metrics are too old to count.",
      pool, static_cast<double>(stale_endpoints));
}

}  // namespace llmd::flow
