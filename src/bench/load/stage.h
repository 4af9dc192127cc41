// SPDX-License-Identifier: Apache-2.0
// How a load test asks for load: one stage after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace llmd::bench {

enum class LoadKind : uint8_t {
  kConstant,    ///< one request each 1 / rate seconds
  kPoisson,     ///< as many on average, at random times
  kConcurrent,  ///< so many at once, the next when one has ended
  kTrace,       ///< when a trace says
  kBurst,       ///< all at once: a sweep's first stage
};
std::string_view name_of(LoadKind kind);

struct Stage {
  LoadKind kind = LoadKind::kConstant;
  double rate = 0;           ///< requests per second
  Duration duration{};       ///< arrivals end then; 0: when `requests` have come
  uint64_t requests = 0;     ///< at most so many; 0: no limit but `duration`
  uint32_t concurrency = 0;  ///< of kConcurrent
  double speed = 1;          ///< of kTrace: 2 plays it in half the time
  bool warm_up = false;
};

/// Finds the rate at which the target saturates, then makes stages up to it.
struct Sweep {
  bool geometric = false;
  uint64_t requests = 2000;  ///< of the burst that looks for saturation
  Duration timeout = std::chrono::seconds(60);
  uint32_t stages = 5;
  Duration stage_duration = std::chrono::seconds(180);
  double saturation_percentile = 95;
  LoadKind kind = LoadKind::kConstant;  ///< of the stages it makes
};

/// What a gateway knows a tenant and its objective by. Upstream's names.
inline constexpr std::string_view kTenantHeader = "x-llm-d-inference-fairness-id";
inline constexpr std::string_view kObjectiveHeader = "x-llm-d-inference-objective";

/// Requests of one kind of user, told apart by headers.
struct Tenant {
  std::string name;
  double weight = 1;
  std::string objective;  ///< names an InferenceObjective, which has the priority; empty: none
};

struct LoadOptions {
  std::vector<Stage> stages;
  std::optional<Sweep> sweep;  ///< instead of `stages`
  std::vector<Tenant> tenants;
  Duration interval = std::chrono::seconds(1);  ///< between a stage's last answer and the next
  Duration grace = std::chrono::seconds(120);   ///< for answers after a stage's last arrival
  uint64_t seed = 0;
};

/// The stage that a sweep begins with.
Stage sweep_probe(const Sweep& sweep);
/// The rate that was served in the given share of seconds or less; over all of the time where that
/// was less than a second. `ended` is when each answer was complete, from the burst's begin. 0 when
/// there are none.
double saturation_rate(const std::vector<Duration>& ended, double percentile);
/// Stages with rates up to `saturation`: equal steps, or equal ratios from 1 request/s on (from
/// saturation / 2^(n-1) where it is less than 2).
std::vector<Stage> sweep_stages(const Sweep& sweep, double saturation);

}  // namespace llmd::bench
