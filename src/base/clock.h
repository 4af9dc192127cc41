// SPDX-License-Identifier: Apache-2.0
// Time as an injected dependency, so that a whole cluster can run under a virtual clock.
#pragma once

#include <chrono>

namespace llmd {

using Duration = std::chrono::nanoseconds;
/// Monotonic; its zero has no meaning of its own.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
};

/// The machine's monotonic clock. Stateless; any thread.
class SteadyClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
};

/// Moves only when told to. For tests and virtual time.
class ManualClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  void advance(Duration by) { now_ += by; }

 private:
  TimePoint now_{};
};

inline double to_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace llmd
