// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding: frequencies of a model, and angles of a step's positions.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/model/config.h"

namespace llmd::engine {

/// theta^(-2i/dim) for i in [0, dim/2), stretched as Llama 3.1 does when the configuration says so.
std::vector<float> rotary_frequencies(const ModelConfig& config);

/// cos and sin of position * frequency, one row of frequencies.size() values each.
void rotary_row(const std::vector<float>& frequencies, uint32_t position, float* cos, float* sin);

}  // namespace llmd::engine
