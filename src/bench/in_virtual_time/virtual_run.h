// SPDX-License-Identifier: Apache-2.0
// A whole load test without sockets: workload, gateway code and simulated engines in one thread on
// a virtual clock. The network takes no time. Same options, same bytes out.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/in_virtual_time/policy.h"
#include "bench/load/driver.h"
#include "bench/measure/run_result.h"
#include "bench/workload/body_writer.h"
#include "bench/workload/workload.h"
#include "engine/api/engine_kind.h"

namespace llmd::bench {

using Kinds = std::vector<std::unique_ptr<engine::EngineKind>>;
using PolicyMaker = std::function<Result<std::unique_ptr<Policy>>(const PolicySurroundings&)>;

struct VirtualRunOptions {
  uint32_t endpoints = 8;
  BodyOptions body;
  LoadOptions load;
  uint64_t seed = 0;
  Duration sample_interval = std::chrono::seconds(1);
  PolicyMaker policy;
  /// When, from the run's begin, the process of the first endpoint is killed and replaced, of the
  /// second and so on: as VirtualEngine::restart(). What it was doing fails.
  std::vector<Duration> restarts;
  const volatile std::sig_atomic_t* interrupted = nullptr;  ///< not 0: end now; may be null
};

/// `info` is what the result begins with; the run fills the rest. `kinds` are simulated, at least
/// one: of the first endpoint, of the second and so on; the others are like the last.
Result<RunResult> run_in_virtual_time(const Kinds& kinds, Workload& workload, const TokenText& text,
                                      const VirtualRunOptions& options, RunInfo info);

}  // namespace llmd::bench
