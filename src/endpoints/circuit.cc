// SPDX-License-Identifier: Apache-2.0
#include "endpoints/circuit.h"

#include <algorithm>

namespace llmd::endpoints {
namespace {

constexpr uint32_t kFailuresInRowMax = 3;
constexpr Duration kHalfWindow = std::chrono::seconds(5);
constexpr Duration kBackoffMin = std::chrono::milliseconds(500);
constexpr Duration kBackoffMax = std::chrono::seconds(30);
/// An answer that begins says little of whether it will end.
constexpr Duration kProven = std::chrono::seconds(10);
/// A prompt may take long; the client may also be gone, and nobody will tell.
constexpr Duration kProbeMax = std::chrono::seconds(10);

}  // namespace

bool Circuit::admits(TimePoint now) const {
  return !open_ || now >= std::max(open_until_, probe_until_);
}

void Circuit::note_placed(TimePoint now) {
  if (!open_) return;
  tried_ = true;
  if (now >= open_until_) probe_until_ = now + kProbeMax;
}

void Circuit::note_success(TimePoint now) {
  advance(now);
  failures_in_row_ = 0;
  ++halves_[0].successes;
  if (!open_ || !tried_) return;  // a request that went there before it was open says little
  open_ = false;
  closed_at_ = now;
  halves_ = {};
}

void Circuit::note_failure(TimePoint now) {
  advance(now);
  ++failures_in_row_;
  ++halves_[0].failures;
  // All that ran there when it broke fail together: one event.
  if (open_ && !tried_) return;
  if (open_ || failures_in_row_ >= kFailuresInRowMax || fails_often()) open(now);
}

void Circuit::advance(TimePoint now) {
  if (now - half_began_ < kHalfWindow) return;
  const bool follows = now - half_began_ < 2 * kHalfWindow;
  halves_ = {Counts(), follows ? halves_[0] : Counts()};
  half_began_ = now;
}

bool Circuit::fails_often() const {
  return halves_[0].failures + halves_[1].failures >= halves_[0].successes + halves_[1].successes;
}

/// One that opens again soon after it was closed is not well yet: it goes on doubling.
void Circuit::open(TimePoint now) {
  const bool again = open_ || now - closed_at_ < std::max(backoff_, kProven);
  backoff_ = again ? std::clamp(backoff_ * 2, kBackoffMin, kBackoffMax) : kBackoffMin;
  open_ = true;
  tried_ = false;
  open_until_ = now + backoff_;
  probe_until_ = {};
}

}  // namespace llmd::endpoints
