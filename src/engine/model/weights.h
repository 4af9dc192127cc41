// SPDX-License-Identifier: Apache-2.0
// The tensors of a decoder, by their place in it.
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/kernels/kernels.h"
#include "engine/model/config.h"
#include "engine/model/weight_store.h"

namespace llmd::engine {

struct LayerWeights {
  std::vector<float> input_norm;
  std::vector<float> post_attention_norm;
  std::vector<float> query_norm;  ///< empty without qk_norm
  std::vector<float> key_norm;    ///< likewise
  kernels::Weights query, key, value, output;
  kernels::Weights gate, up, down;
};

/// Matrices point into the mapped files; only the norms, a few KB, are converted copies.
struct DecoderWeights {
  kernels::Weights embedding;
  kernels::Weights head;  ///< the embedding again when tied
  std::vector<float> final_norm;
  std::vector<LayerWeights> layers;
};

/// Finds each tensor under its Hugging Face name and checks its shape against the configuration.
Result<DecoderWeights> find_weights(const WeightStore& store, const ModelConfig& config);

/// Number of parameters, shared ones once.
uint64_t count_parameters(const DecoderWeights& weights, const ModelConfig& config);

}  // namespace llmd::engine
