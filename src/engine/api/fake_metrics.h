// SPDX-License-Identifier: Apache-2.0
// Metrics that say what a test wants to hear instead of what is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/batch/engine_metrics.h"

namespace llmd::engine {

/// A fixed number, or a function of time.
struct FakeValue {
  enum class Kind : uint8_t {
    kFixed,
    kOscillate,   ///< a sine between `from` and `to`
    kRamp,        ///< from `from` to `to` in one period, then stays
    kRampReset,   ///< the same again in every period
    kSquareWave,  ///< `from` in the first half of each period, `to` in the second
  };

  Kind kind = Kind::kFixed;
  double from = 0;
  double to = 0;
  double period_s = 1;

  double at(double seconds) const;
};

/// What is not given shows the truth. Immutable.
struct FakeMetrics {
  std::optional<FakeValue> running;
  std::optional<FakeValue> waiting;
  std::optional<FakeValue> kv_usage;  ///< 0 … 1

  /// Overwrites the gauges with what they are to show `seconds` after the engine's start.
  void apply(EngineMetrics& metrics, double seconds) const;
};

/// The JSON of llm-d-inference-sim's --fake-metrics: {"running-requests", "waiting-requests",
/// "kv-cache-usage"}: numbers, or texts KIND:FROM:TO:PERIOD with a period in seconds and a kind of
/// oscillate, ramp, rampreset, squarewave.
Result<FakeMetrics> parse_fake_metrics(std::string_view json);

}  // namespace llmd::engine
