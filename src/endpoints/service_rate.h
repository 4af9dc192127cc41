// SPDX-License-Identifier: Apache-2.0
// How fast one endpoint is, learned from what it did.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace llmd::endpoints {

/// A straight line through observations of which older ones fade.
class FadingLine {
 public:
  FadingLine(double x1, double y1, double x2, double y2) {
    add(x1, y1);
    add(x2, y2);
  }
  void add(double x, double y);
  /// Between 0 and mean y / mean x: more load never makes faster, and nothing is free.
  double slope() const;
  /// At least 0.
  double at(double x) const;

 private:
  double weight_ = 0;
  double x_ = 0;  ///< weighted sums
  double y_ = 0;
  double xx_ = 0;
  double xy_ = 0;
};

/// A ratio of sums of which older parts fade. Needs no spread in x, as a line does: with a warm
/// cache most prompts have equally little to compute.
class FadingRatio {
 public:
  FadingRatio(double x, double y) : x_(x), y_(y) {}
  void add(double x, double y);
  double get() const { return y_ / x_; }

 private:
  double x_;
  double y_;
};

class ServiceRate {
 public:
  /// A first token came `after` so long, with so many tokens to compute at dispatch: those of the
  /// requests ahead, and the request's own that were not cached.
  void note_first_token(uint64_t tokens, Duration after) {
    prefill_.add(static_cast<double>(tokens) + kOverheadTokens, to_seconds(after));
  }
  /// An answer took so long from its first byte to its last, with so many requests there at its
  /// beginning.
  void note_answer(double requests, Duration took) { answer_.add(requests, to_seconds(took)); }

  /// Seconds to the first token when so many tokens are to be computed before it.
  double first_token_s(double tokens) const {
    return seconds_per_token() * (tokens + kOverheadTokens);
  }
  double seconds_per_token() const { return prefill_.get(); }
  /// Seconds of an answer, and more of them for each request beside it.
  const FadingLine& answer() const { return answer_; }

 private:
  /// What a step costs whatever it computes, in tokens.
  static constexpr double kOverheadTokens = 512;

  // Begins as if a few requests had been seen on a GPU server of upstream's guides (15,928 prompt
  // tokens/s; 25 to 50 s for 1,000 tokens alone and beside 200 others). Soon outweighed.
  FadingRatio prefill_{15'928, 1};
  FadingLine answer_{0, 25, 200, 50};
};

}  // namespace llmd::endpoints
