// SPDX-License-Identifier: Apache-2.0
// How fast one endpoint is, learned from what it did.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace llmd::endpoints {

/// Two ratios of sums in which older observations fade: seconds to the first token for each token
/// that had to be computed before it, and seconds of an answer for each answer beside it. Ratios
/// and not regressions, as they stay positive and need no spread in what was observed. What is
/// spent whatever the load counts as kOverheadTokens and kOverheadRequests of it.
class ServiceRate {
 public:
  static constexpr double kOverheadTokens = 512;
  static constexpr double kOverheadRequests = 16;

  /// A first token came `after` so long, with so many tokens to compute at dispatch: those of the
  /// requests ahead, and the request's own that were not cached.
  void note_first_token(uint64_t tokens, Duration after) {
    fade(prefill_seconds_, prefill_tokens_);
    prefill_seconds_ += to_seconds(after);
    prefill_tokens_ += static_cast<double>(tokens) + kOverheadTokens;
  }
  /// An answer took so long from its first byte to its last, with so many requests there at its
  /// beginning.
  void note_answer(double requests, Duration took) {
    fade(answer_seconds_, answer_requests_);
    answer_seconds_ += to_seconds(took);
    answer_requests_ += requests + kOverheadRequests;
  }

  double seconds_per_token() const { return prefill_seconds_ / prefill_tokens_; }
  double seconds_per_request() const { return answer_seconds_ / answer_requests_; }

 private:
  /// Half is forgotten after about 34 observations.
  static constexpr double kKept = 0.98;

  static void fade(double& a, double& b) {
    a *= kKept;
    b *= kKept;
  }

  // As if one request had been seen on a GPU server of upstream's guide (15,928 prompt tokens/s;
  // 10 s for an answer beside 100 others): enough to begin with, soon outweighed.
  double prefill_tokens_ = 2000;
  double prefill_seconds_ = 2000 / 15928.0;
  double answer_requests_ = 100;
  double answer_seconds_ = 10;
};

}  // namespace llmd::endpoints
