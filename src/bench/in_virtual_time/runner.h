// SPDX-License-Identifier: Apache-2.0
// `llmd bench --virtual`: a run's configuration, and what it runs on.
#pragma once

#include <csignal>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/config/bench_config.h"
#include "bench/measure/run_result.h"

namespace llmd::bench {

struct VirtualBenchOptions {
  /// Built-in ones' names, or files: of the first endpoint, of the second and so on; the others are
  /// like the last. At least one.
  std::vector<std::string> profiles = {"llama-3.1-8b-h100"};
  uint32_t endpoints = 8;
  std::string policy = "gateway";  ///< see make_policy()
  std::vector<double> restarts_s;  ///< see VirtualRunOptions::restarts
  /// Set by a signal handler: the run ends and is marked partial. May be null.
  const volatile std::sig_atomic_t* interrupted = nullptr;
};

/// Runs `config` in virtual time; its server, metrics and timeouts have no meaning then. Errors are
/// the configuration's. The policy best-found is at least as good as each of `rivals`, whole runs
/// of the same configuration; without any, as our own policy.
Result<RunResult> run_virtual_bench(const BenchConfig& config, const VirtualBenchOptions& options,
                                    std::span<const RunResult> rivals = {});

}  // namespace llmd::bench
