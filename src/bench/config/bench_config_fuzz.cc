// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes: an error, or a configuration that survives being printed and read again.
#include <cstdint>

#include "base/check.h"
#include "bench/config/bench_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace llmd::bench;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = parse_config(text, "fuzz");
  if (!config) return 0;
  const std::string printed = print_config(*config);
  const auto again = parse_config(printed, "again");
  LLMD_CHECK(again.ok());
  LLMD_CHECK(print_config(*again) == printed);
  return 0;
}
