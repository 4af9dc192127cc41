// SPDX-License-Identifier: Apache-2.0
// How long a step takes on hardware that is not there.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"
#include "engine/executor.h"

namespace llmd::engine {

/// T = α + β·(tokens computed) + γ·(context tokens attended), the form of Sarathi-Serve and of
/// llm-d's workload-variant-autoscaler. α: weights read and kernels launched once per step. β:
/// arithmetic of one token. γ: one token's keys and values read; a sequence reads its whole context
/// once per step, whether it computes one token or a chunk. Tokens found in the prefix cache are
/// not computed, hence free. Pure; any thread.
struct TimeModel {
  double alpha_s = 0;
  double beta_s = 0;
  double gamma_s = 0;
  double kv_bytes_per_token = 0;
  double link_bytes_per_s = 1;  ///< of one endpoint's network link
  double cold_start_s = 0;      ///< from the process' start until it can serve

  /// The same sum from its counts.
  Duration step_time(uint64_t computed, uint64_t attended) const {
    const double seconds =
        alpha_s + beta_s * static_cast<double>(computed) + gamma_s * static_cast<double>(attended);
    return seconds_to_duration(seconds);
  }
  Duration step_time(const Batch& batch) const {
    uint64_t computed = 0;
    uint64_t attended = 0;
    for (const BatchItem& item : batch.items) {
      computed += item.tokens.size();
      attended += item.first_position + item.tokens.size();
    }
    return step_time(computed, attended);
  }
  /// Bringing the keys and values of `tokens` from another endpoint.
  Duration kv_transfer_time(uint64_t tokens) const {
    return seconds_to_duration(static_cast<double>(tokens) * kv_bytes_per_token / link_bytes_per_s);
  }
  Duration cold_start() const { return seconds_to_duration(cold_start_s); }

 private:
  static constexpr double kLongestSeconds = 1e8;  ///< three years, far from overflow

  static Duration seconds_to_duration(double seconds) {
    return Duration(static_cast<Duration::rep>(std::min(seconds, kLongestSeconds) * 1e9));
  }
};

}  // namespace llmd::engine
