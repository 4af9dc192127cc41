// SPDX-License-Identifier: Apache-2.0
#include "engine/batch/engine_metrics.h"

namespace llmd::engine {
namespace {

using observe::Labels;
using observe::Registry;

const std::vector<double> kFirstTokenBuckets = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                                0.25,  0.5,   0.75, 1,    2.5,  5,    7.5,  10,
                                                20,    40,    80,   160,  640,  2560};
const std::vector<double> kInterTokenBuckets = {
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80};
const std::vector<double> kRequestBuckets = {0.3, 0.5, 0.8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                             30,  40,  50,  60, 120, 240, 480, 960, 1920, 7680};
const std::vector<double> kIterationBuckets = {1,   8,   16,   32,   64,   128,
                                               256, 512, 1024, 2048, 4096, 8192};

void set_cache_config(Registry& registry, const MetricsInfo& info) {
  registry
      .gauge("vllm:cache_config_info", "Information of the KV cache's configuration.",
             {{"block_size", std::to_string(info.block_size)},
              {"num_gpu_blocks", std::to_string(info.blocks)},
              {"cache_dtype", info.cache_dtype},
              {"enable_prefix_caching", info.prefix_caching ? "True" : "False"},
              {"engine", std::to_string(info.engine_rank)}})
      .set(1);
}

}  // namespace

/// Makes metrics that all carry the engine's labels.
struct EngineMetrics::Maker {
  Registry& registry;
  Labels labels;

  observe::Gauge gauge(const char* name, const char* help) const {
    return registry.gauge(name, help, labels);
  }
  observe::Counter counter(const char* name, const char* help) const {
    return registry.counter(name, help, labels);
  }
  observe::Counter success(const char* reason) const {
    Labels with_reason = labels;
    with_reason.emplace_back("finished_reason", reason);
    return registry.counter("vllm:request_success_total",
                            "Count of requests that ended, by reason.", with_reason);
  }
  observe::Histogram histogram(const char* name, const char* help,
                               const std::vector<double>& bounds) const {
    return registry.histogram(name, help, bounds, labels);
  }
  observe::Histogram latency(const char* name, const char* help) const {
    return histogram(name, help, kRequestBuckets);
  }
};

EngineMetrics::EngineMetrics(Registry& registry, const MetricsInfo& info)
    : EngineMetrics(
          Maker{registry,
                {{"model_name", info.model_name}, {"engine", std::to_string(info.engine_rank)}}},
          info) {
  set_cache_config(registry, info);
}

EngineMetrics::EngineMetrics(const Maker& make, const MetricsInfo& info)
    : running(make.gauge("vllm:num_requests_running", "Number of requests in execution batches.")),
      waiting(make.gauge("vllm:num_requests_waiting", "Number of requests waiting for a turn.")),
      kv_usage(
          make.gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.")),
      prefix_queries(make.counter("vllm:prefix_cache_queries_total",
                                  "Prefix cache queries, in number of queried tokens.")),
      prefix_hits(make.counter("vllm:prefix_cache_hits_total",
                               "Prefix cache hits, in number of cached tokens.")),
      prompt_tokens(
          make.counter("vllm:prompt_tokens_total", "Number of prefill tokens processed.")),
      generation_tokens(
          make.counter("vllm:generation_tokens_total", "Number of generation tokens processed.")),
      preemptions(make.counter("vllm:num_preemptions_total",
                               "Cumulative number of preemptions from the engine.")),
      refused_queue_full(make.counter("llmd:requests_refused_queue_full_total",
                                      "Requests refused because too many were waiting.")),
      iteration_tokens(make.histogram("vllm:iteration_tokens_total",
                                      "Histogram of number of tokens per engine step.",
                                      kIterationBuckets)),
      time_to_first_token(make.histogram("vllm:time_to_first_token_seconds",
                                         "Histogram of time to first token in seconds.",
                                         kFirstTokenBuckets)),
      inter_token_latency(make.histogram("vllm:inter_token_latency_seconds",
                                         "Histogram of inter-token latency in seconds.",
                                         kInterTokenBuckets)),
      success_{make.success("stop"), make.success("length"), make.success("abort")},
      request_prompt_tokens_(make.histogram("vllm:request_prompt_tokens",
                                            "Number of prefill tokens processed per request.",
                                            observe::one_two_five_buckets(info.max_model_len))),
      request_generation_tokens_(make.histogram("vllm:request_generation_tokens",
                                                "Number of generation tokens per request.",
                                                observe::one_two_five_buckets(info.max_model_len))),
      e2e_(make.latency("vllm:e2e_request_latency_seconds", "End-to-end request latency.")),
      queue_(make.latency("vllm:request_queue_time_seconds", "Time spent in WAITING.")),
      prefill_(make.latency("vllm:request_prefill_time_seconds", "Time spent in PREFILL.")),
      decode_(make.latency("vllm:request_decode_time_seconds", "Time spent in DECODE.")),
      inference_(make.latency("vllm:request_inference_time_seconds", "Time spent in RUNNING.")) {}

void EngineMetrics::finished(FinishReason reason, const RequestTimes& times, uint32_t prompt,
                             uint32_t generated) {
  success_[static_cast<size_t>(reason) - 1].add();
  if (reason == FinishReason::kAbort || generated == 0) return;
  request_prompt_tokens_.observe(prompt);
  request_generation_tokens_.observe(generated);
  e2e_.observe(to_seconds(times.last_token - times.arrived));
  queue_.observe(to_seconds(times.scheduled - times.arrived));
  prefill_.observe(to_seconds(times.first_token - times.scheduled));
  decode_.observe(to_seconds(times.last_token - times.first_token));
  inference_.observe(to_seconds(times.last_token - times.scheduled));
}

}  // namespace llmd::engine
