// SPDX-License-Identifier: Apache-2.0
// One sample line of Prometheus text (version 0.0.4), read in place. Any thread.
#pragma once

#include <optional>
#include <string_view>

namespace llmd::endpoints {

/// A sample without its name. The views point into the line.
struct Series {
  std::string_view labels;  ///< with its braces; empty when there are none
  double value = 0;         ///< finite

  /// The label's value as it is written, escapes included; empty when absent.
  std::string_view label(std::string_view name) const;
};

/// Reads what follows a name in a sample line. Nothing when that is no sample, or its value no
/// finite number.
std::optional<Series> parse_series(std::string_view after_name);

}  // namespace llmd::endpoints
