// SPDX-License-Identifier: Apache-2.0
// Whatever a profile holds, the times of the model it gives are finite and not negative.
#include "base/check.h"
#include "engine/simulated/profile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace llmd::engine;
  const auto profile = parse_profile({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!profile) return 0;
  LLMD_CHECK(profile->time.step_time(1U << 16U, uint64_t{1} << 30U) >= llmd::Duration::zero());
  LLMD_CHECK(profile->time.kv_transfer_time(uint64_t{1} << 30U) >= llmd::Duration::zero());
  LLMD_CHECK(profile->time.cold_start() >= llmd::Duration::zero());
  return 0;
}
