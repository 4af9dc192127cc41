// SPDX-License-Identifier: Apache-2.0
// Values in upstream's notations, read from the members of a map.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "resources/fields.h"

namespace llmd::flow {

/// As "1m30s"; `fallback` when absent.
Result<Duration> read_duration(resources::Fields& fields, std::string_view key, Duration fallback);
/// As 500, "1k" or "10Gi"; `if_zero` when 0 or absent.
Result<uint64_t> read_quantity(resources::Fields& fields, std::string_view key, uint64_t if_zero);
/// From -2^31 to 2^31 - 1; an error when absent.
Result<int32_t> read_priority(resources::Fields& fields, std::string_view key);

}  // namespace llmd::flow
