// SPDX-License-Identifier: Apache-2.0
// Durations as Go and Kubernetes write them: "60s", "1m30s", "1.5h", "200ms".
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace llmd::resources {

/// Decimal numbers, each with one of the units ns us ms s m h, or "0". At most 1000 hours; no sign.
Result<Duration> parse_duration(std::string_view text);

}  // namespace llmd::resources
