// SPDX-License-Identifier: Apache-2.0
// Everything that one run of a workload saw, before any arithmetic. Both runners fill it, over
// sockets and in virtual time; summaries and reports read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bench/measure/histogram.h"

namespace llmd::bench {

enum class Outcome : uint8_t {
  kOk,
  kConnect,     ///< no connection
  kTimeout,     ///< a deadline of the tool passed
  kStatus,      ///< a status other than 200; see RequestRecord::status
  kBroken,      ///< the answer ended early, or carried an error event
  kProtocol,    ///< not what the API promises: bad JSON, no token, no end
  kUnfinished,  ///< the run ended (Ctrl-C, a stage's deadline) before the request did
};

/// One request as its client saw it. Times count from the run's begin on the run's clock (real,
/// scaled or virtual); what did not happen is 0.
struct RequestRecord {
  uint64_t number = 0;    ///< in the order of `due`
  uint32_t stage = 0;     ///< index into RunResult::stages
  uint32_t endpoint = 0;  ///< index into RunResult::endpoints; 0 is "unknown"
  uint32_t tenant = 0;    ///< index into RunResult::tenants; 0 is "default"
  Outcome outcome = Outcome::kUnfinished;
  int status = 0;  ///< HTTP, 0 without an answer

  Duration due{};   ///< when the load wanted it sent
  Duration held{};  ///< then waited on purpose: its session's last turn, a limit on open ones
  Duration sent{};  ///< when it was; sent - due - held is the tool's lateness
  Duration first_token{};  ///< when the first event with a token was read
  Duration last_token{};
  Duration ended{};

  uint32_t prompt_tokens = 0;  ///< these three as the server's usage says
  uint32_t output_tokens = 0;
  uint32_t cached_tokens = 0;
  uint32_t wanted_tokens = 0;         ///< output asked for; 0: not said
  std::vector<Duration> token_times;  ///< only if RunInfo::keeps_token_times
  std::string error;                  ///< for people; empty when kOk
};

/// What the load asked for in one stage.
struct StageInfo {
  std::string load;  ///< constant, poisson, concurrent, trace
  double rate = 0;   ///< requests per second; 0: not open loop
  uint32_t concurrency = 0;
  Duration begin{};
  Duration end{};        ///< when the last request of the stage had ended
  Duration planned{};    ///< how long arrivals were to go on
  bool warm_up = false;  ///< kept out of totals
};

/// One look at an endpoint, for plots over time.
struct EndpointSample {
  Duration at{};
  uint32_t endpoint = 0;
  double running = 0;
  double waiting = 0;
  double kv_usage = 0;        ///< 0 … 1
  double prefix_queries = 0;  ///< tokens, cumulative
  double prefix_hits = 0;
};

/// A latency promise: a request attains it when every bound that is set (not 0) holds.
struct Slo {
  double ttft_s = 0;
  double tpot_s = 0;
  double itl_s = 0;
  double ntpot_s = 0;
  double e2e_s = 0;
  bool empty() const {
    return ttft_s == 0 && tpot_s == 0 && itl_s == 0 && ntpot_s == 0 && e2e_s == 0;
  }
};

/// inference-perf's own.
inline std::vector<double> default_percentiles() {
  return {0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9};
}

struct RunInfo {
  std::string target;  ///< URL, or the name of a virtual policy
  std::string model;
  std::string api;       ///< completion, chat
  std::string workload;  ///< one line for people
  std::string config;    ///< the whole configuration as YAML, API keys left out
  uint64_t seed = 0;
  int64_t started_unix_s = 0;
  double time_scale = 1;  ///< run seconds per real second
  bool streaming = true;
  bool simulated = false;   ///< some engine said that it is
  bool is_virtual = false;  ///< no socket was involved
  bool partial = false;     ///< interrupted
  bool too_fast = false;    ///< stopped, because the tool could not keep its time scale
  bool keeps_token_times = false;
  Duration lateness_tolerated{};  ///< a run with a p99 lateness above it says so
  Slo slo;
  std::vector<double> percentiles = default_percentiles();  ///< of the result files
};

struct RunResult {
  RunInfo info;
  std::vector<StageInfo> stages;
  std::vector<RequestRecord> requests;  ///< by number
  std::vector<std::string> endpoints{"unknown"};
  std::vector<std::string> tenants{"default"};
  std::vector<EndpointSample> samples;  ///< by time
  /// The gaps between tokens in ns, one histogram per stage, where the runner counted them as they
  /// came. Empty: they come from the records' token_times, if those were kept.
  std::vector<Histogram> token_gaps;
};

}  // namespace llmd::bench
