// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "engine/model/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  const auto parsed = llmd::engine::parse_safetensors(file);
  if (!parsed) return 0;
  for (const auto& tensor : *parsed) {
    LLMD_CHECK(tensor.bytes.data() >= file.data());
    LLMD_CHECK(tensor.bytes.data() + tensor.bytes.size() <= file.data() + file.size());
  }
  return 0;
}
