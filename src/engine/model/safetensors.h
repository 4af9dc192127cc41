// SPDX-License-Identifier: Apache-2.0
// The safetensors container: 8 bytes of header length, a JSON header, then the tensors' bytes.
// Format: https://huggingface.co/docs/safetensors
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace llmd::engine {

inline constexpr uint64_t kSafetensorsHeaderBytesMax = 64U << 20;
inline constexpr size_t kSafetensorsTensorsMax = 100'000;
inline constexpr size_t kSafetensorsDimsMax = 8;

struct TensorEntry {
  std::string name;
  std::string dtype;  ///< as the file spells it, e.g. "BF16"
  std::vector<uint64_t> shape;
  std::span<const std::byte> bytes;  ///< inside the file; its size is what dtype and shape need
};

/// Reads the header of a whole file. Nothing in it is trusted: ranges outside the file or over each
/// other, sizes that contradict the shape, products that overflow and repeated names are refused.
Result<std::vector<TensorEntry>> parse_safetensors(std::span<const std::byte> file);

/// "[576, 1536]", for messages.
std::string shape_text(std::span<const uint64_t> shape);

}  // namespace llmd::engine
