// SPDX-License-Identifier: Apache-2.0
// How well what an endpoint is taken to have cached agrees with what its answers say.
#pragma once

#include <algorithm>
#include <cstdint>

namespace llmd::endpoints {

class PrefixAccuracy {
 public:
  /// An answer said how many tokens of its prompt were cached. Gives by how much of the prompt that
  /// is off; what may be a matter of where blocks end is not counted.
  double note(uint32_t predicted, uint32_t cached, uint32_t prompt) {
    constexpr uint32_t kBlockTokens = 64;
    constexpr double kNew = 0.1;
    const uint32_t off = std::max(predicted, cached) - std::min(predicted, cached);
    const double error = std::min(
        1.0, static_cast<double>(off - std::min(off, kBlockTokens)) / std::max(prompt, 1U));
    error_ += kNew * (error - error_);
    ++answers_;
    return error;
  }

  uint64_t answers() const { return answers_; }
  /// A share of the prompts, lately.
  double error() const { return error_; }

 private:
  uint64_t answers_ = 0;
  double error_ = 0;
};

}  // namespace llmd::endpoints
