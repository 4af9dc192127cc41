// SPDX-License-Identifier: Apache-2.0
// Counts every allocation of a benchmark program: include it in one file of the program, no more.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace llmd {
inline std::atomic<uint64_t> allocations = 0;
}  // namespace llmd

// Not inlined, as g++ would then see free() end what new began.
[[gnu::noinline]] void* operator new(size_t size) {
  ++llmd::allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t /*size*/) noexcept {
  std::free(memory);
}
