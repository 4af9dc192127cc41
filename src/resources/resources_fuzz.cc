// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes: errors or objects, and services survive being printed and read again.
#include <cstdint>

#include "base/check.h"
#include "resources/objects.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace llmd::resources;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto objects = parse_objects(text, "fuzz");
  if (!objects) return 0;
  for (const ModelService& service : objects->services) {
    const auto again = parse_objects(print(service), "again");
    LLMD_CHECK(again.ok() && again->services.size() == 1 && again->services.front() == service);
  }
  return 0;
}
