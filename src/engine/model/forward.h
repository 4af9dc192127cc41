// SPDX-License-Identifier: Apache-2.0
// One step of a decoder: from a batch's tokens to the logits of those that want a next token.
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstdint>
#include <span>
#include <vector>

#include "engine/cache/kv_pool.h"
#include "engine/executor.h"
#include "engine/kernels/kernels.h"
#include "engine/model/config.h"
#include "engine/model/thread_team.h"
#include "engine/model/weights.h"

namespace llmd::engine {

/// Logits are computed for this many sequences at a time, so that their memory does not grow with
/// the batch.
inline constexpr uint32_t kLogitRows = 16;

/// Rows of floats, cache-line aligned, one line of padding so that equal columns of neighbouring
/// rows do not fall into one cache set.
class Buffer {
 public:
  Buffer(size_t rows, size_t width);
  kernels::Rows rows(size_t count) const {
    return {data_.get(), stride_, static_cast<uint32_t>(count)};
  }
  float* row(size_t index) const { return data_.get() + index * stride_; }

 private:
  size_t stride_;
  hwy::AlignedFreeUniquePtr<float[]> data_;
};

/// Holds all scratch: a step allocates nothing once the batch vectors have grown. One caller at a
/// time. `config`, `weights` and `pool` must outlive it.
class Forward {
 public:
  Forward(const ModelConfig& config, const DecoderWeights& weights, const KvPool& pool,
          uint32_t threads, uint32_t tokens_per_step_max);

  /// Computes all layers, writes keys and values to the pool and keeps the final hidden state of
  /// every item that has `sampling`, in order. Returns how many there are.
  uint32_t run(std::span<const BatchItem> items);
  /// Logits of those kept, [first, first + count), count ≤ kLogitRows; valid until the next call.
  kernels::Rows logits(uint32_t first, uint32_t count);

  ThreadTeam& team() { return team_; }
  uint32_t vocab() const { return config_.vocab; }

 private:
  struct Row {  ///< one token of the step
    uint32_t item;
    uint32_t position;
  };
  struct Product {
    const kernels::Weights* weights;
    kernels::Rows out;
  };

  void place_rows(std::span<const BatchItem> items);
  void check_item(const BatchItem& item) const;
  void embed(std::span<const BatchItem> items);
  void plan_attention(std::span<const BatchItem> items);
  void run_layer(std::span<const BatchItem> items, uint32_t layer);
  void project_qkv(const LayerWeights& weights);
  void finish_keys(std::span<const BatchItem> items, const LayerWeights& weights, uint32_t layer);
  void rotate_heads(float* heads, uint32_t count, const std::vector<float>& norm, uint32_t row);
  void store_kv(const BatchItem& item, uint32_t row, uint32_t layer);
  void attention(std::span<const BatchItem> items, uint32_t layer);
  void attention_tile(const BatchItem& item, uint32_t layer, uint32_t first_row, uint32_t tile,
                      uint32_t head, float* scores);
  void keep_wanted_rows();
  void mlp(const LayerWeights& weights);
  void normalise(const std::vector<float>& weight);
  void multiply(std::span<const Product> products, kernels::Rows x, bool add);
  template <class F>
  void for_rows(uint32_t count, F&& work);
  uint32_t chunk(uint32_t outputs, size_t work) const;
  float* scratch(uint32_t worker) { return matmul_scratch_.row(worker); }

  const ModelConfig& config_;
  const DecoderWeights& weights_;
  const KvPool& pool_;
  const uint32_t tokens_max_;
  const std::vector<float> frequencies_;
  const size_t score_stride_;
  ThreadTeam team_;

  uint32_t count_ = 0;  ///< rows in hand; shrinks to the wanted ones in the last layer
  std::vector<Row> rows_;
  std::vector<uint32_t> wanted_;           ///< rows that want a next token
  std::vector<uint32_t> first_row_;        ///< per item
  std::vector<uint32_t> attention_tasks_;  ///< per item: tasks of the items before it; then the sum

  Buffer hidden_, normed_, query_, key_, value_, attended_, gate_, up_;
  Buffer cos_, sin_, logits_;
  Buffer matmul_scratch_, scores_;  ///< a row per worker
};

}  // namespace llmd::engine
