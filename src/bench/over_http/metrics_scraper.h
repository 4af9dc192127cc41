// SPDX-License-Identifier: Apache-2.0
// Looks at the engines' own metrics pages during a run.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "bench/config/bench_config.h"
#include "bench/load/driver.h"
#include "bench/over_http/target.h"
#include "endpoints/http_fetch.h"
#include "net/event_loop.h"

namespace llmd::bench {

/// Adds a sample per engine and interval to the result. An engine that does not answer is left out
/// of that round. Loop thread only.
class MetricsScraper {
 public:
  static Result<std::vector<Target>> targets_of(const BenchConfig& config, const Target& target);

  /// Everything given outlives this.
  MetricsScraper(net::EventLoop& loop, const BenchConfig& config, std::vector<Target> targets,
                 const Driver& driver, RunResult& result);
  /// Scrapes now and then each interval.
  void start();

 private:
  void scrape();
  void take(size_t index, const Result<endpoints::Reply>& reply);

  const BenchConfig& config_;
  std::vector<Target> targets_;
  const Driver& driver_;
  RunResult& result_;
  endpoints::HttpFetch fetch_;
  net::Timer timer_;
  std::unordered_map<std::string, uint32_t> known_;
};

}  // namespace llmd::bench
