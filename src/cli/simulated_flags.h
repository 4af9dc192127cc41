// SPDX-License-Identifier: Apache-2.0
// The flags of `llmd engine --simulated`.
#pragma once

#include <optional>

#include "engine/api/simulated_options.h"

namespace CLI {
class App;
}

namespace llmd::cli {

/// `options`, which outlives `command`, is set once parsing saw --simulated.
void add_simulated_flags(CLI::App& command, std::optional<engine::SimulatedOptions>& options);

}  // namespace llmd::cli
