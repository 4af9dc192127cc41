// SPDX-License-Identifier: Apache-2.0
// The gateway's metrics, named as upstream's endpoint picker names them where it has the same.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "endpoints/pool.h"
#include "flow/controller.h"
#include "http/server.h"
#include "observe/label_values.h"
#include "observe/metrics.h"

namespace llmd::gateway {

/// What requests are told apart by.
struct RequestLabels {
  std::string_view model = "unknown";         ///< that the client named
  std::string_view target_model = "unknown";  ///< that the engine is asked for
  std::string_view fairness_id = flow::kDefaultTenant;
  int32_t priority = 0;
};

/// Handles of the metrics of requests with the same labels, looked up once.
struct RequestMetrics {
  RequestMetrics(observe::Registry& registry, const RequestLabels& labels);
  bool are_of(const RequestLabels& asked) const;
  void count_error(observe::Registry& registry, int status);

  int32_t priority;
  observe::Labels labels;
  observe::Counter requests;
  observe::Histogram duration_s;
  observe::Histogram ttft_streaming_s;
  observe::Histogram ttft_whole_s;
  observe::Gauge running;
  int64_t running_now = 0;
  std::map<int, observe::Counter> errors;
};

/// Loop thread only.
class GatewayMetrics {
 public:
  GatewayMetrics();

  /// Of requests with these labels; stays. Values beyond a bound share `other`.
  RequestMetrics& of(const RequestLabels& labels);
  void count_error(RequestMetrics& of, int status) { of.count_error(registry_, status); }
  void count_retry() { retries_.add(); }
  /// For those who have metrics of their own.
  observe::Registry& registry() { return registry_; }

  /// The page, with the figures that are only known when asked.
  std::string exposition(const endpoints::Snapshot& endpoints, const http::ServerCounters& limits,
                         size_t connections);

 private:
  void add_limit(const char* limit, uint64_t now);

  observe::Registry registry_;
  std::unordered_map<std::string, std::unique_ptr<RequestMetrics>> requests_;
  RequestMetrics* last_ = nullptr;
  observe::LabelValues models_;
  observe::LabelValues fairness_ids_;
  observe::Counter retries_;
};

}  // namespace llmd::gateway
