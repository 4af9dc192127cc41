// SPDX-License-Identifier: Apache-2.0
// The engine's metrics under vLLM's names, labels and buckets (vllm/v1/metrics/loggers.py).
#pragma once

#include <array>
#include <string>

#include "engine/batch/sequence.h"
#include "observe/metrics.h"

namespace llmd::engine {

struct MetricsInfo {
  std::string model_name;
  uint32_t block_size = 0;
  uint32_t blocks = 0;
  uint32_t max_model_len = 0;
  std::string cache_dtype;
  bool prefix_caching = true;
  uint32_t engine_rank = 0;  ///< among the data-parallel ranks of one engine
};

/// When the steps of a request's life happened.
struct RequestTimes {
  TimePoint arrived{};
  TimePoint scheduled{};
  TimePoint first_token{};
  TimePoint last_token{};
};

/// Loop thread only.
class EngineMetrics {
 public:
  EngineMetrics(observe::Registry& registry, const MetricsInfo& info);

  observe::Gauge running;
  observe::Gauge waiting;
  observe::Gauge kv_usage;  ///< 0 … 1
  observe::Counter prefix_queries;
  observe::Counter prefix_hits;
  observe::Counter prompt_tokens;
  observe::Counter generation_tokens;
  observe::Counter preemptions;
  observe::Counter refused_queue_full;
  observe::Histogram iteration_tokens;
  observe::Histogram time_to_first_token;
  observe::Histogram inter_token_latency;

  /// A request ended for `reason`, not kNone. Aborted ones count, but have no latencies.
  void finished(FinishReason reason, const RequestTimes& times, uint32_t prompt,
                uint32_t generated);

 private:
  struct Maker;
  EngineMetrics(const Maker& make, const MetricsInfo& info);

  std::array<observe::Counter, 3> success_;  ///< stop, length, abort
  observe::Histogram request_prompt_tokens_;
  observe::Histogram request_generation_tokens_;
  observe::Histogram e2e_;
  observe::Histogram queue_;
  observe::Histogram prefill_;
  observe::Histogram decode_;
  observe::Histogram inference_;
};

}  // namespace llmd::engine
