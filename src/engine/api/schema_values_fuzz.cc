// SPDX-License-Identifier: Apache-2.0
// Whatever a tool's schema is, a value or an error comes of it, and the value is no larger than its
// bounds allow. The first byte is the seed.
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "engine/api/tool_calls.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using Json = nlohmann::ordered_json;
  if (size == 0) return 0;
  const Json schema = Json::parse(data + 1, data + size, nullptr, /*allow_exceptions=*/false);
  if (schema.is_discarded()) return 0;
  llmd::Random random(data[0]);
  const auto value = llmd::engine::make_value(schema, random);
  if (!value) {
    LLMD_CHECK(!value.error().message.empty());
    return 0;
  }
  const size_t largest = llmd::engine::kSchemaValuesMax * (size + 2048);
  LLMD_CHECK(value->dump(-1, ' ', false, Json::error_handler_t::replace).size() < largest);
  return 0;
}
