// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/check.h"
#include "endpoints/metrics_reader.h"

namespace llmd::endpoints {
namespace {

constexpr std::string_view kLabels = R"(engine="0",model_name="meta-llama/Llama-3.1-70B-Instruct")";

/// Families of vLLM's page with about as many buckets as there (docs.vllm.ai, "Production
/// metrics").
constexpr std::string_view kGauges[] = {"vllm:num_requests_running", "vllm:num_requests_waiting",
                                        "vllm:kv_cache_usage_perc", "vllm:engine_sleep_state"};
constexpr std::string_view kCounters[] = {
    "vllm:prefix_cache_queries", "vllm:prefix_cache_hits",   "vllm:external_prefix_cache_queries",
    "vllm:mm_cache_queries",     "vllm:mm_cache_hits",       "vllm:external_prefix_cache_hits",
    "vllm:num_preemptions",      "vllm:prompt_tokens",       "vllm:generation_tokens",
    "vllm:request_success",      "vllm:prompt_tokens_cached"};
constexpr std::string_view kHistograms[] = {"vllm:iteration_tokens_total",
                                            "vllm:request_prompt_tokens",
                                            "vllm:request_generation_tokens",
                                            "vllm:request_max_num_generation_tokens",
                                            "vllm:request_params_n",
                                            "vllm:request_params_max_tokens",
                                            "vllm:time_to_first_token_seconds",
                                            "vllm:inter_token_latency_seconds",
                                            "vllm:request_time_per_output_token_seconds",
                                            "vllm:e2e_request_latency_seconds",
                                            "vllm:request_queue_time_seconds",
                                            "vllm:request_inference_time_seconds",
                                            "vllm:request_prefill_time_seconds",
                                            "vllm:request_decode_time_seconds",
                                            "vllm:request_prefill_kv_computed_tokens",
                                            "vllm:kv_block_idle_before_evict_seconds"};
constexpr int kBuckets = 24;
constexpr std::string_view kHttpHandlers[] = {"/v1/chat/completions", "/v1/completions", "/health",
                                              "/metrics"};

void begin_family(std::string& page, std::string_view name, std::string_view type) {
  page += fmt::format("# HELP {0} What {0} says of this engine, in a sentence.\n# TYPE {0} {1}\n",
                      name, type);
}

void add_histogram(std::string& page, std::string_view name, std::string_view labels) {
  begin_family(page, name, "histogram");
  for (int i = 0; i < kBuckets; ++i) {
    page += fmt::format("{}_bucket{{{},le=\"{}\"}} {}.0\n", name, labels, 0.001 * (1 << i), i * 37);
  }
  page += fmt::format("{}_count{{{}}} 851.0\n{}_sum{{{}}} 4711.25\n", name, labels, name, labels);
}

/// A page of about 60 KB as one vLLM engine with some traffic has.
std::string vllm_page() {
  std::string page = "process_start_time_seconds 1.76e+09\n";
  for (const auto name : kGauges) {
    begin_family(page, name, "gauge");
    page += fmt::format("{}{{{}}} 0.5\n", name, kLabels);
  }
  for (const auto name : kCounters) {
    begin_family(page, name, "counter");
    page += fmt::format("{}_total{{{}}} 123456.0\n{}_created{{{}}} 1.76e+09\n", name, kLabels, name,
                        kLabels);
  }
  begin_family(page, "vllm:cache_config_info", "gauge");
  page += "vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"27000\",engine=\"0\"} 1.0\n";
  for (const auto name : kHistograms) add_histogram(page, name, kLabels);
  for (const auto handler : kHttpHandlers) {
    add_histogram(page, "http_request_duration_seconds",
                  fmt::format("handler=\"{}\",method=\"POST\",status=\"2xx\"", handler));
  }
  return page;
}

/// In pieces of 16 KiB, as a socket gives them.
void read_vllm_page(benchmark::State& state) {
  const std::string page = vllm_page();
  MetricsReader reader(EngineMetrics::built_in().find(kDefaultEngine));
  for (auto _ : state) {
    reader.begin();
    for (size_t at = 0; at < page.size(); at += 16 * 1024) {
      reader.read(std::string_view(page).substr(at, 16 * 1024));
    }
    benchmark::DoNotOptimize(reader.finish());
  }
  LLMD_CHECK(reader.finish().cache_tokens == 16 * 27000);
  state.SetBytesProcessed(static_cast<int64_t>(page.size()) * state.iterations());
  state.counters["page_bytes"] = static_cast<double>(page.size());
}
BENCHMARK(read_vllm_page);

}  // namespace
}  // namespace llmd::endpoints
