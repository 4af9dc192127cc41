// SPDX-License-Identifier: Apache-2.0
// Bounds what clients can make of a label: each value that they think of is a series that stays.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace llmd::observe {

/// The values that have series of their own. One thread at a time.
class LabelValues {
 public:
  /// The value itself, or `other` when there are too many already.
  std::string_view bounded(std::string_view value) {
    if (seen_.contains(value)) return value;
    if (seen_.size() >= kMax) return "other";
    seen_.emplace(value);
    return value;
  }
  static constexpr size_t kMax = 1000;  ///< upstream's

 private:
  std::set<std::string, std::less<>> seen_;
};

}  // namespace llmd::observe
