// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/metrics_scraper.h"

#include <utility>

#include "bench/over_http/http_transport.h"
#include "endpoints/scrape.h"

namespace llmd::bench {
namespace {
constexpr int kOk = 200;
}  // namespace

Result<std::vector<Target>> MetricsScraper::targets_of(const BenchConfig& config,
                                                       const Target& target) {
  if (config.metrics.urls.empty()) return std::vector<Target>{target};
  std::vector<Target> out;
  for (const std::string& url : config.metrics.urls) {
    LLMD_ASSIGN_OR_RETURN(Target each, parse_target(url));
    out.push_back(std::move(each));
  }
  return out;
}

MetricsScraper::MetricsScraper(net::EventLoop& loop, const BenchConfig& config,
                               std::vector<Target> targets, const Driver& driver, RunResult& result)
    : config_(config),
      targets_(std::move(targets)),
      driver_(driver),
      result_(result),
      fetch_(loop),
      timer_(loop) {}

void MetricsScraper::start() { scrape(); }

void MetricsScraper::scrape() {
  for (size_t i = 0; i < targets_.size(); ++i) {
    fetch_.get(targets_[i].address, targets_[i].path + "/metrics",
               [this, i](const Result<endpoints::Reply>& reply) { take(i, reply); });
  }
  const double real_s = to_seconds(config_.metrics.interval) / config_.time_scale;
  timer_.start(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(real_s)),
               [this] { scrape(); });
}

void MetricsScraper::take(size_t index, const Result<endpoints::Reply>& reply) {
  if (!reply || reply->status != kOk) return;
  const auto seen =
      endpoints::parse_metrics(reply->body, config_.server.is_sglang ? "sglang" : "vllm");
  // A page without an engine's figures (a gateway's) has no cache size either.
  if (seen.cache_tokens == 0 && seen.running == 0 && seen.waiting == 0 &&
      seen.prefix_queries == 0) {
    return;
  }
  EndpointSample sample;
  sample.at = driver_.now();
  sample.endpoint = endpoint_index(known_, result_, targets_[index].host);
  sample.running = seen.running;
  sample.waiting = seen.waiting;
  sample.kv_usage = seen.kv_usage;
  sample.prefix_queries = seen.prefix_queries;
  sample.prefix_hits = seen.prefix_hits;
  result_.samples.push_back(sample);
}

}  // namespace llmd::bench
