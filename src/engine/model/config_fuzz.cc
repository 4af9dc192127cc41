// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "engine/model/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = llmd::engine::parse_config({reinterpret_cast<const char*>(data), size});
  if (!parsed) return 0;
  LLMD_CHECK(parsed->heads % parsed->kv_heads == 0);
  LLMD_CHECK(llmd::engine::row_parallel_groups(*parsed) >= 1);
  return 0;
}
