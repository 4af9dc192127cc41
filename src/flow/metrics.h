// SPDX-License-Identifier: Apache-2.0
// llm_d_epp_flow_control_*: upstream's metrics of flow control.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "flow/decision.h"
#include "flow/saturation.h"
#include "flow/string_map.h"
#include "observe/label_values.h"
#include "observe/metrics.h"

namespace llmd::flow {

/// What is measured of the requests of one tenant, priority and model.
struct Series {
  std::string fairness_id;  ///< as labels say them
  std::string priority;
  std::string model;
  std::string target_model;
  uint64_t requests = 0;  ///< queued
  uint64_t bytes = 0;
  std::array<std::optional<observe::Histogram>, kDecisions> queue_duration;
  std::array<std::optional<observe::Histogram>, kDecisions + 1> enqueue_duration;  ///< last: queued
};

/// Loop thread only. Counters and histograms move as things happen, gauges at publish().
class Metrics {
 public:
  Metrics(observe::Registry& registry, std::string pool);

  /// The series of these labels; stays.
  Series& series(std::string_view fairness_id, int32_t priority, std::string_view model,
                 std::string_view target_model);

  void enqueue_took(Series& series, std::optional<Decision> decision, Duration duration);
  void decided(Series& series, Decision decision, Duration waited);
  void dispatch_took(Duration duration) { dispatch_duration_.observe(to_seconds(duration)); }
  void revoking(double target, double pending);
  void revocations_issued(uint64_t count);
  void revocation_ended(bool confirmed, Duration after);

  /// What fills the queue, as a share of its bounds; 0 where there is no bound.
  struct Usage {
    double requests = 0;
    double bytes = 0;
  };
  void publish_band(int32_t priority, const Usage& usage);
  void publish(const Usage& global, const Saturation& saturation, int64_t stale_endpoints);

 private:
  observe::Labels labels_of(const Series& series) const;
  observe::Counter& total(const Series& series, Decision decision);

  observe::Registry& registry_;
  const std::string pool_;
  StringMap<Series> series_;
  std::string key_;  ///< buffer
  observe::LabelValues fairness_ids_;
  observe::LabelValues models_;
  std::map<std::pair<std::string_view, std::string>, observe::Counter> totals_;
  observe::Histogram dispatch_duration_;
};

}  // namespace llmd::flow
