// SPDX-License-Identifier: Apache-2.0
// A scheduling decision as one line of text.
#pragma once

#include <string>

#include "schedule/explanation.h"

namespace llmd::request {

/// "decode a=2.5(queue-scorer 0.5*2, …) b-(decode-filter) c-(not ready)".
std::string print_scores(const schedule::Explanation& explanation);

}  // namespace llmd::request
