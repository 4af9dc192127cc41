// SPDX-License-Identifier: Apache-2.0
// The files of profiles/ as text in the binary; CMake writes the definition.
#pragma once

#include <span>
#include <string_view>

namespace llmd::engine {

struct EmbeddedProfile {
  std::string_view name;  ///< the file's, without .yaml
  std::string_view yaml;
};

std::span<const EmbeddedProfile> embedded_profiles();

}  // namespace llmd::engine
