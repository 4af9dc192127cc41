// SPDX-License-Identifier: Apache-2.0
// Whether an endpoint that fails gets requests: a circuit breaker of its own for each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace llmd::endpoints {

/// Closed: all is well. Failures open it: three in a row, or at least half of what ended in the
/// last ten seconds; so an endpoint that nobody else used opens with its first failure. Open, it
/// gets no requests for 0.5 s, doubled up to 30 s each time it opens within 10 s of having been
/// closed. Then, half open, it gets one: the probe. If that succeeds the circuit is closed, if it
/// fails it is open again. Loop thread only.
class Circuit {
 public:
  /// Whether a request may go there. Nothing changes until note_placed().
  bool admits(TimePoint now) const;
  bool is_open() const { return open_; }

  /// A request goes there: the probe, or before its time for want of any other endpoint. What comes
  /// of it closes an open circuit, or opens it anew.
  void note_placed(TimePoint now);
  /// The endpoint began to answer.
  void note_success(TimePoint now);
  /// A request failed there, or its answer broke off.
  void note_failure(TimePoint now);

  /// Whether, of so many candidates, so many may be left out for their open circuits. Not more than
  /// three quarters: then the cause is hardly theirs, and the rest could not bear the load.
  static bool may_leave_out(size_t open, size_t candidates) { return open * 4 <= candidates * 3; }

 private:
  struct Counts {
    uint32_t successes = 0;
    uint32_t failures = 0;
  };
  void advance(TimePoint now);
  bool fails_often() const;
  void open(TimePoint now);

  bool open_ = false;
  bool tried_ = false;  ///< a request went there since it is open
  uint32_t failures_in_row_ = 0;
  std::array<Counts, 2> halves_{};  ///< of the window: the current and the one before
  TimePoint half_began_{};
  Duration backoff_{};
  TimePoint open_until_{};   ///< the next probe may go
  TimePoint probe_until_{};  ///< one of which nothing was heard holds up the next until then
  TimePoint closed_at_{};
};

}  // namespace llmd::endpoints
