// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/runner.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <cstdlib>
#include <ctime>
#include <utility>

#include "base/scaled_time.h"
#include "bench/over_http/fine_timers.h"
#include "bench/over_http/http_transport.h"
#include "bench/over_http/metrics_scraper.h"
#include "bench/over_http/prepare.h"

namespace llmd::bench {
namespace {

constexpr Duration kExpireStep = std::chrono::milliseconds(20);
constexpr Duration kLatenessTolerated = std::chrono::milliseconds(10);

/// Thousands of open requests are thousands of descriptors. An error where a load is sure to want
/// more than there may be; an open loop finds out while it runs, and its requests say so.
Result<void> raise_descriptor_limit(const LoadOptions& load) {
  constexpr rlim_t kForOthers = 64;  // loop, timers, scrapes, the program's own files
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  for (const Stage& stage : load.stages) {
    if (stage.concurrency + kForOthers <= limit.rlim_max) continue;
    return invalid_argument(
        fmt::format("{} requests at once need more file descriptors than the {} that this process "
                    "may open (ulimit -Hn)",
                    stage.concurrency, limit.rlim_max));
  }
  return {};
}

/// Keeps asking, in real time, while the loop runs.
class Every {
 public:
  Every(net::EventLoop& loop, Duration step, std::function<void()> work)
      : timer_(loop), step_(step), work_(std::move(work)) {
    next();
  }

 private:
  void next() {
    timer_.start(step_, [this] {
      work_();
      next();
    });
  }
  net::Timer timer_;
  Duration step_;
  std::function<void()> work_;
};

RunInfo info_of(const BenchConfig& config, const Prepared& prepared, const Workload& workload) {
  RunInfo info;
  info.target = config.server.base_url;
  info.model = prepared.model;
  info.api = config.api.type == Api::kChat ? "chat" : "completion";
  info.workload = workload.describe();
  info.config = print_config(config);
  info.seed = config.load.seed;
  info.started_unix_s = std::time(nullptr);
  info.time_scale = config.time_scale;
  info.streaming = config.api.streaming;
  info.simulated = prepared.simulated;
  info.keeps_token_times = config.report.per_request;
  info.lateness_tolerated = kLatenessTolerated;
  info.slo = config.report.slo;
  info.percentiles = config.report.percentiles;
  return info;
}

void on_signal(int signal, Driver& driver, bool& interrupted) {
  if (std::exchange(interrupted, true)) std::_Exit(128 + signal);
  driver.interrupt();
}

}  // namespace

Result<RunResult> run_bench(BenchConfig config, const RunWatcher& watcher) {
  LLMD_RETURN_IF_ERROR(check_config(config));
  LLMD_RETURN_IF_ERROR(raise_descriptor_limit(config.load));
  LLMD_ASSIGN_OR_RETURN(const Target target, parse_target(config.server.base_url));
  LLMD_ASSIGN_OR_RETURN(auto scraped, MetricsScraper::targets_of(config, target));
  LLMD_ASSIGN_OR_RETURN(Prepared prepared, prepare(config, target));
  config.server.model_name = prepared.model;
  LLMD_ASSIGN_OR_RETURN(const auto workload,
                        make_workload(config.data, config.load.seed, prepared.overhead));
  if (!prepared.counts_are_exact) {
    watcher.on_remark(
        "the target does not answer /tokenize: what its chat template or BOS adds "
        "comes on top of the prompts' lengths");
  }
  RunResult result;
  result.info = info_of(config, prepared, *workload);
  net::EventLoop loop;
  FineTimers timers(loop);
  const SteadyClock steady;
  const ScaledClock clock(steady, config.time_scale);
  HttpTransport transport(loop, config, target, *prepared.text, result);
  Driver driver(clock, scale_delays(timers.call_after(), config.time_scale), *workload, config.load,
                transport, result);
  transport.attach(driver, workload->keeps_answers());
  MetricsScraper scraper(loop, config, std::move(scraped), driver, result);
  bool interrupted = false;
  loop.on_terminate([&](int signal) { on_signal(signal, driver, interrupted); });
  const Every expire(loop, kExpireStep, [&] {
    transport.expire();
    if (watcher.interrupted != nullptr && *watcher.interrupted != 0) driver.interrupt();
  });
  const Every watch(loop, watcher.interval, [&] {
    if (watcher.on_progress) watcher.on_progress(driver.progress());
  });
  driver.begin([&] { loop.stop(); });
  scraper.start();
  loop.run();
  if (watcher.on_progress) watcher.on_progress(driver.progress());
  return result;
}

}  // namespace llmd::bench
