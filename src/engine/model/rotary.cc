// SPDX-License-Identifier: Apache-2.0
#include "engine/model/rotary.h"

#include <cmath>
#include <numbers>

namespace llmd::engine {
namespace {

/// Long waves are slowed by `factor`, short ones kept, those between blended (Llama 3.1).
double stretch(double frequency, const Llama3Scaling& scaling) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  const double turns = scaling.original_max_position / wavelength;
  if (turns < scaling.low_freq_factor) return frequency / scaling.factor;
  if (turns > scaling.high_freq_factor) return frequency;
  const double keep =
      (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - keep) * frequency / scaling.factor + keep * frequency;
}

}  // namespace

std::vector<float> rotary_frequencies(const ModelConfig& config) {
  std::vector<float> out;
  for (uint32_t i = 0; i < config.head_dim / 2; ++i) {
    double frequency = std::pow(config.rope_theta, -2.0 * i / config.head_dim);
    if (config.rope_scaling) frequency = stretch(frequency, *config.rope_scaling);
    out.push_back(static_cast<float>(frequency));
  }
  return out;
}

void rotary_row(const std::vector<float>& frequencies, uint32_t position, float* cos, float* sin) {
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const float angle = static_cast<float>(position) * frequencies[i];
    cos[i] = std::cos(angle);
    sin[i] = std::sin(angle);
  }
}

}  // namespace llmd::engine
