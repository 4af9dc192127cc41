// SPDX-License-Identifier: Apache-2.0
// Seeded randomness without state in globals.
#pragma once

#include <cstdint>

namespace llmd {

/// SplitMix64's output function (Steele, Lea, Flood 2014): a bijection that scatters every bit.
constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// Uniform in [0, 1) from the top 53 bits.
constexpr double unit_interval(uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

/// A counter-based generator: the n-th value is a pure function of (seed, n).
class Random {
 public:
  explicit constexpr Random(uint64_t seed) : seed_(mix64(seed)) {}
  constexpr uint64_t next() { return mix64(seed_ + 0x9e3779b97f4a7c15ULL * counter_++); }
  constexpr double next_unit() { return unit_interval(next()); }
  /// Uniform in [0, bound); bound > 0. The bias is below bound / 2^64.
  constexpr uint64_t below(uint64_t bound) {
    __extension__ using Wide = unsigned __int128;  // not ISO C++, yet every compiler here has it
    return static_cast<uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

 private:
  uint64_t seed_;
  uint64_t counter_ = 0;
};

}  // namespace llmd
