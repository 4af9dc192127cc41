// SPDX-License-Identifier: Apache-2.0
// One run of a load test against a server.
#pragma once

#include <csignal>
#include <functional>

#include "bench/config/bench_config.h"
#include "bench/load/driver.h"
#include "bench/measure/run_result.h"

namespace llmd::bench {

struct RunWatcher {
  Duration interval = std::chrono::milliseconds(500);
  std::function<void(const Progress&)> on_progress;   ///< each interval; may be empty
  std::function<void(const std::string&)> on_remark;  ///< for people, before the run
  /// Set by a signal handler while nothing has run yet: the run ends at once. May be null.
  const volatile std::sig_atomic_t* interrupted = nullptr;
};

/// Asks the target what it must know, then runs all stages. Blocks. The first SIGINT or SIGTERM
/// ends the run early, its result is marked partial; the second ends the process. A run in time
/// that is scaled above 1 is ended likewise when the tool does not keep up (see Driver).
/// Errors are those of the configuration and of a target that cannot be used at all: once the run
/// has begun, failures are results.
Result<RunResult> run_bench(BenchConfig config, const RunWatcher& watcher);

}  // namespace llmd::bench
