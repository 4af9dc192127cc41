// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes: an error or services, and services survive being printed and read again.
#include <cstdint>

#include "base/check.h"
#include "resources/model_service.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace llmd::resources;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto services = parse_model_services(text, "fuzz");
  if (!services) return 0;
  for (const ModelService& service : *services) {
    const auto again = parse_model_services(print(service), "again");
    LLMD_CHECK(again.ok() && again->size() == 1 && again->front() == service);
  }
  return 0;
}
