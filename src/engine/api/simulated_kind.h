// SPDX-License-Identifier: Apache-2.0
// The simulated engine: a profile in the place of a model.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/api/engine_kind.h"

namespace llmd::engine {

struct EngineProcessOptions;

/// `options.simulated` is set. Errors name the profile's line or the flag to change.
Result<std::unique_ptr<EngineKind>> load_simulated_kind(const EngineProcessOptions& options);

}  // namespace llmd::engine
