// SPDX-License-Identifier: Apache-2.0
// config.json: what shape a model has and which of the known architectures it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace llmd::engine {

inline constexpr size_t kConfigBytesMax = 1U << 20;

/// Llama 3.1's stretching of the rotary frequencies.
struct Llama3Scaling {
  double factor = 8;
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  double original_max_position = 8192;
};

struct ModelConfig {
  std::string architecture;
  uint32_t layers = 0;
  uint32_t hidden = 0;
  uint32_t heads = 0;
  uint32_t kv_heads = 0;
  uint32_t head_dim = 0;
  uint32_t intermediate = 0;
  uint32_t vocab = 0;
  uint32_t max_position = 0;
  float rms_epsilon = 1e-6F;
  double rope_theta = 10000;
  std::optional<Llama3Scaling> rope_scaling;
  bool tied = false;     ///< the output matrix is the embedding
  bool qk_norm = false;  ///< queries and keys are normalised per head before rotation

  uint32_t query_size() const { return heads * head_dim; }
  uint32_t kv_size() const { return kv_heads * head_dim; }
};

/// Refuses what the engine would compute wrongly: an unknown architecture, activation, bias, rope
/// type, quantisation, or sizes the kernels do not take; says what was found and what is expected.
Result<ModelConfig> parse_config(std::string_view json);

/// Into how many runs a row-parallel product is summed: the largest power of two up to 8 that
/// divides the KV heads and leaves runs of whole vectors.
uint32_t row_parallel_groups(const ModelConfig& config);

}  // namespace llmd::engine
