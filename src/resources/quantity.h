// SPDX-License-Identifier: Apache-2.0
// Kubernetes resource quantities: "500m", "1.5", "1Gi", "2G", "1k".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace llmd::resources {

/// Thousandths of a core: "500m" → 500, "2" → 2000. Above 0, at most 4096 cores.
Result<uint32_t> parse_cpu_milli(std::string_view text);
std::string print_cpu_milli(uint32_t milli);

/// A count: a decimal number and one of the suffixes k M G T P, Ki Mi Gi Ti Pi, or none; 0 too.
Result<uint64_t> parse_quantity(std::string_view text);

/// Bytes: a decimal number and one of the suffixes k M G T P, Ki Mi Gi Ti Pi, or none. Above 0.
Result<uint64_t> parse_memory_bytes(std::string_view text);
/// With the largest binary suffix that divides it.
std::string print_memory_bytes(uint64_t bytes);

}  // namespace llmd::resources
