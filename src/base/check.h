// SPDX-License-Identifier: Apache-2.0
// LLMD_CHECK: an assertion about ourselves, on in every build. Never about outside input.
#pragma once

namespace llmd {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}  // namespace llmd

#define LLMD_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::llmd::check_failed(#condition, __FILE__, __LINE__))
