// SPDX-License-Identifier: Apache-2.0
// How fast one endpoint is, learned from what it did.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace llmd::endpoints {

/// A ratio of sums of which older parts fade: half is forgotten after about 700 observations. Needs
/// no spread in x, as a line does: with a warm cache most prompts have equally little to compute.
class FadingRatio {
 public:
  FadingRatio(double x, double y) : x_(x), y_(y) {}
  void add(double x, double y) {
    constexpr double kKept = 0.999;
    x_ = x_ * kKept + x;
    y_ = y_ * kKept + y;
  }
  double get() const { return y_ / x_; }

 private:
  double x_;
  double y_;
};

class ServiceRate {
 public:
  /// A first token came `after` so long, with so many tokens to compute at dispatch: those of the
  /// requests ahead, and the request's own that were not cached. Where they are few, it tells what
  /// a step takes whatever it computes; elsewhere, the rest of the time is the tokens'.
  void note_first_token(uint64_t tokens, Duration after) {
    if (tokens < kFewTokens) {
      step_.add(1, to_seconds(after));
    } else {
      prefill_.add(static_cast<double>(tokens), std::max(to_seconds(after) - step_.get(), 0.0));
    }
  }
  /// An answer took so long from its first byte to its last.
  void note_answer(Duration took) { answer_.add(1, to_seconds(took)); }

  /// Seconds that each token to compute takes.
  double seconds_per_token() const { return prefill_.get(); }
  /// Seconds of an answer.
  double answer_s() const { return answer_.get(); }

 private:
  /// An engine computes as many in a step without its taking notably longer.
  static constexpr uint64_t kFewTokens = 512;

  // Begins as if one request had been seen on a GPU server of upstream's guides: 15,928 prompt
  // tokens/s, 25 s for an answer. Soon outweighed.
  FadingRatio step_{1, 0.03};
  FadingRatio prefill_{15'928, 1};
  FadingRatio answer_{1, 25};
};

}  // namespace llmd::endpoints
