// SPDX-License-Identifier: Apache-2.0
// The real engine: a model directory, computed on the CPU.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/api/engine_kind.h"

namespace llmd::engine {

struct EngineProcessOptions;

/// Maps the weights and allocates the KV cache. Errors name the file or the flag to change.
Result<std::unique_ptr<EngineKind>> load_cpu_kind(const EngineProcessOptions& options);

}  // namespace llmd::engine
