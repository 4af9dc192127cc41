// SPDX-License-Identifier: Apache-2.0
#include "engine/model/weights.h"

#include <fmt/core.h>

namespace llmd::engine {
namespace {

using kernels::Weights;

/// Reads one layer's tensors until the first failure, which it keeps.
class LayerReader {
 public:
  LayerReader(const WeightStore& store, uint32_t layer)
      : store_(store), prefix_(fmt::format("model.layers.{}.", layer)) {}

  void matrix(const char* name, uint32_t rows, uint32_t cols, Weights& out) {
    keep(store_.matrix(prefix_ + name + ".weight", rows, cols), out);
  }
  void vector(const char* name, uint32_t size, std::vector<float>& out) {
    keep(store_.vector(prefix_ + name + ".weight", size), out);
  }
  const Result<void>& status() const { return status_; }

 private:
  template <class T>
  void keep(Result<T> found, T& out) {
    if (found) {
      out = std::move(found).value();
    } else if (status_.ok()) {
      status_ = found.error();
    }
  }

  const WeightStore& store_;
  std::string prefix_;
  Result<void> status_;
};

void read_attention(LayerReader& reader, const ModelConfig& config, LayerWeights& out) {
  reader.matrix("self_attn.q_proj", config.query_size(), config.hidden, out.query);
  reader.matrix("self_attn.k_proj", config.kv_size(), config.hidden, out.key);
  reader.matrix("self_attn.v_proj", config.kv_size(), config.hidden, out.value);
  reader.matrix("self_attn.o_proj", config.hidden, config.query_size(), out.output);
  if (!config.qk_norm) return;
  reader.vector("self_attn.q_norm", config.head_dim, out.query_norm);
  reader.vector("self_attn.k_norm", config.head_dim, out.key_norm);
}

void read_mlp(LayerReader& reader, const ModelConfig& config, LayerWeights& out) {
  reader.matrix("mlp.gate_proj", config.intermediate, config.hidden, out.gate);
  reader.matrix("mlp.up_proj", config.intermediate, config.hidden, out.up);
  reader.matrix("mlp.down_proj", config.hidden, config.intermediate, out.down);
}

Result<LayerWeights> find_layer(const WeightStore& store, const ModelConfig& config,
                                uint32_t layer) {
  LayerWeights out;
  LayerReader reader(store, layer);
  reader.vector("input_layernorm", config.hidden, out.input_norm);
  reader.vector("post_attention_layernorm", config.hidden, out.post_attention_norm);
  read_attention(reader, config, out);
  read_mlp(reader, config, out);
  LLMD_RETURN_IF_ERROR(reader.status());
  out.output.groups = out.down.groups = row_parallel_groups(config);
  return out;
}

uint64_t size_of(const Weights& weights) { return uint64_t{weights.rows} * weights.cols; }

}  // namespace

Result<DecoderWeights> find_weights(const WeightStore& store, const ModelConfig& config) {
  DecoderWeights out;
  LLMD_ASSIGN_OR_RETURN(out.embedding,
                        store.matrix("model.embed_tokens.weight", config.vocab, config.hidden));
  out.head = out.embedding;
  if (!config.tied) {
    LLMD_ASSIGN_OR_RETURN(out.head, store.matrix("lm_head.weight", config.vocab, config.hidden));
  }
  LLMD_ASSIGN_OR_RETURN(out.final_norm, store.vector("model.norm.weight", config.hidden));
  for (uint32_t layer = 0; layer < config.layers; ++layer) {
    LLMD_ASSIGN_OR_RETURN(LayerWeights weights, find_layer(store, config, layer));
    out.layers.push_back(std::move(weights));
  }
  return out;
}

uint64_t count_parameters(const DecoderWeights& weights, const ModelConfig& config) {
  uint64_t total = size_of(weights.embedding) + weights.final_norm.size();
  if (!config.tied) total += size_of(weights.head);
  for (const LayerWeights& layer : weights.layers) {
    for (const Weights* matrix : {&layer.query, &layer.key, &layer.value, &layer.output,
                                  &layer.gate, &layer.up, &layer.down}) {
      total += size_of(*matrix);
    }
    total += layer.input_norm.size() + layer.post_attention_norm.size() + layer.query_norm.size() +
             layer.key_norm.size();
  }
  return total;
}

}  // namespace llmd::engine
