// SPDX-License-Identifier: Apache-2.0
// The parameter that all pickers have.
#pragma once

#include "resources/fields.h"

namespace llmd::schedule {

/// maxNumOfEndpoints: how many to name, the first choice and those to fall back on.
inline Result<size_t> read_endpoints_max(resources::Fields& parameters) {
  constexpr uint32_t kMax = 1024;
  LLMD_ASSIGN_OR_RETURN(const uint32_t count, parameters.number("maxNumOfEndpoints", 1, kMax));
  if (count == 0) return parameters.error("maxNumOfEndpoints", "must be above 0");
  return size_t{count};
}

}  // namespace llmd::schedule
