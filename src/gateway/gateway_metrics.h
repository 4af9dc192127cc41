// SPDX-License-Identifier: Apache-2.0
// The gateway's metrics, named as upstream's endpoint picker names them where it has the same.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "endpoints/pool.h"
#include "http/server.h"
#include "observe/metrics.h"

namespace llmd::gateway {

/// Handles of one model's metrics, looked up once.
struct ModelMetrics {
  ModelMetrics(observe::Registry& registry, const std::string& model);
  void count_error(observe::Registry& registry, int status);

  std::string model;
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

  /// Requests of models that no engine serves share one entry, so that clients cannot make labels.
  ModelMetrics& of_model(std::string_view model);
  ModelMetrics& of_unknown_model() { return of_model("unknown"); }
  void count_error(ModelMetrics& model, int status) { model.count_error(registry_, status); }
  void count_retry() { retries_.add(); }
  /// For those who have metrics of their own.
  observe::Registry& registry() { return registry_; }

  /// The page, with the figures that are only known when asked.
  std::string exposition(const endpoints::Snapshot& endpoints, const http::ServerCounters& limits,
                         size_t connections);

 private:
  void add_limit(const char* limit, uint64_t now);

  observe::Registry registry_;
  std::map<std::string, std::unique_ptr<ModelMetrics>, std::less<>> models_;
  ModelMetrics* last_model_ = nullptr;
  observe::Counter retries_;
};

}  // namespace llmd::gateway
