// SPDX-License-Identifier: Apache-2.0
// When the requests of an open-loop stage are due.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/random.h"
#include "bench/load/stage.h"
#include "bench/workload/trace.h"

namespace llmd::bench {

/// Yields times from the stage's begin, not before one another; a pure function of stage, seed and
/// trace. A closed-loop stage (kConcurrent) has none.
class ArrivalSchedule {
 public:
  /// `trace` is for kTrace, and outlives this.
  ArrivalSchedule(const Stage& stage, uint64_t seed, const Trace* trace);

  /// The next arrival; nothing when the stage has no more.
  std::optional<Duration> next();
  /// About how many there will be in all, to make room for.
  uint64_t expected_count() const;

 private:
  std::optional<Duration> due(uint64_t index);

  Stage stage_;
  Random random_;
  const Trace* trace_;
  uint64_t count_ = 0;
  double passed_s_ = 0;  ///< of kPoisson
};

}  // namespace llmd::bench
