// SPDX-License-Identifier: Apache-2.0
// The parts of the page that are files of their own, in page/. CMake compiles them in.
#pragma once

#include <string_view>

namespace llmd::bench {

extern const std::string_view kPageStyle;   ///< page.css
extern const std::string_view kPageScript;  ///< plot.js, then page.js

}  // namespace llmd::bench
