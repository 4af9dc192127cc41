// SPDX-License-Identifier: Apache-2.0
// What an endpoint can hold a block in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace llmd::kv {

/// From fast to slow. Events name it by their medium.
enum class Tier : uint8_t { kGpu, kCpu, kStorage };
inline constexpr size_t kTiers = 3;
inline constexpr std::string_view kTierNames[kTiers] = {"gpu", "cpu", "storage"};

/// A tier for one group of layers. Layers that attend to everything need each block from the first
/// one on; those with a sliding window only the last blocks before the end of what is matched.
struct Plane {
  Tier tier = Tier::kGpu;
  uint32_t group = 0;          ///< of layers, as the engine numbers them
  uint32_t window_blocks = 0;  ///< 0: attends to everything

  bool operator==(const Plane&) const = default;
};

inline constexpr size_t kPlanesMax = 16;

}  // namespace llmd::kv
