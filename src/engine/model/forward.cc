// SPDX-License-Identifier: Apache-2.0
#include "engine/model/forward.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "engine/model/rotary.h"

namespace llmd::engine {
namespace {

using kernels::Rows;

/// Below this many rows, row-wise work costs less than waking another thread.
constexpr uint32_t kRowsToShare = 16;
/// Multiplications that a task should have at least: about 5 µs.
constexpr size_t kTaskWork = 128 * 1024;
constexpr uint32_t kTasksPerThread = 6;

size_t score_tokens(const ModelConfig& config, const KvLayout& layout) {
  return std::min<size_t>(config.max_position, size_t{layout.blocks} * layout.block_size);
}

size_t scratch_floats(const ModelConfig& config) {
  return std::max({kernels::matmul_scratch_floats(config.hidden),
                   kernels::matmul_scratch_floats(config.query_size()),
                   kernels::matmul_scratch_floats(config.intermediate)});
}

}  // namespace

Buffer::Buffer(size_t rows, size_t width)
    : stride_((width + 15) / 16 * 16 + 16), data_(hwy::AllocateAligned<float>(rows * stride_)) {
  LLMD_CHECK(data_ != nullptr);
  std::fill_n(data_.get(), rows * stride_, 0.0F);
}

Forward::Forward(const ModelConfig& config, const DecoderWeights& weights, const KvPool& pool,
                 uint32_t threads, uint32_t tokens_per_step_max)
    : config_(config),
      weights_(weights),
      pool_(pool),
      tokens_max_(tokens_per_step_max),
      frequencies_(rotary_frequencies(config)),
      score_stride_(kernels::attention_stride(score_tokens(config, pool.layout()))),
      team_(threads),
      hidden_(tokens_max_, config.hidden),
      normed_(tokens_max_, config.hidden),
      query_(tokens_max_, config.query_size()),
      key_(tokens_max_, config.kv_size()),
      value_(tokens_max_, config.kv_size()),
      attended_(tokens_max_, config.query_size()),
      gate_(tokens_max_, config.intermediate),
      up_(tokens_max_, config.intermediate),
      cos_(tokens_max_, config.head_dim / 2),
      sin_(tokens_max_, config.head_dim / 2),
      logits_(kLogitRows, config.vocab),
      matmul_scratch_(threads, scratch_floats(config)),
      scores_(threads, kernels::kAttentionRows * score_stride_) {
  const KvLayout& layout = pool.layout();
  LLMD_CHECK(layout.layers == config.layers && layout.kv_heads == config.kv_heads &&
             layout.head_dim == config.head_dim);
  rows_.reserve(tokens_max_);
  wanted_.reserve(tokens_max_);
}

uint32_t Forward::run(std::span<const BatchItem> items) {
  place_rows(items);
  plan_attention(items);
  embed(items);
  for (uint32_t layer = 0; layer < config_.layers; ++layer) run_layer(items, layer);
  normalise(weights_.final_norm);
  return count_;
}

void Forward::check_item(const BatchItem& item) const {
  const size_t end = item.first_position + item.tokens.size();
  LLMD_CHECK(!item.tokens.empty());
  LLMD_CHECK(end <= item.block_table.size() * pool_.layout().block_size);
  LLMD_CHECK(end <= score_tokens(config_, pool_.layout()));
}

void Forward::place_rows(std::span<const BatchItem> items) {
  rows_.clear();
  wanted_.clear();
  first_row_.clear();
  for (const BatchItem& item : items) {
    check_item(item);
    LLMD_CHECK(rows_.size() + item.tokens.size() <= tokens_max_);
    first_row_.push_back(static_cast<uint32_t>(rows_.size()));
    for (size_t i = 0; i < item.tokens.size(); ++i) {
      rows_.push_back({static_cast<uint32_t>(first_row_.size() - 1),
                       item.first_position + static_cast<uint32_t>(i)});
    }
    if (item.sampling != nullptr) wanted_.push_back(static_cast<uint32_t>(rows_.size() - 1));
  }
  count_ = static_cast<uint32_t>(rows_.size());
}

void Forward::embed(std::span<const BatchItem> items) {
  uint32_t row = 0;
  for (const BatchItem& item : items) {
    for (const TokenId token : item.tokens) {
      LLMD_CHECK(token < config_.vocab);
      kernels::copy_row(weights_.embedding, token, hidden_.row(row));
      rotary_row(frequencies_, rows_[row].position, cos_.row(row), sin_.row(row));
      ++row;
    }
  }
}

void Forward::run_layer(std::span<const BatchItem> items, uint32_t layer) {
  const LayerWeights& weights = weights_.layers[layer];
  normalise(weights.input_norm);
  project_qkv(weights);
  finish_keys(items, weights, layer);
  attention(items, layer);
  // After the last layer's keys and values are stored, only rows that want a token matter.
  if (layer + 1 == config_.layers) keep_wanted_rows();
  const Product output{&weights.output, hidden_.rows(count_)};
  multiply({&output, 1}, attended_.rows(count_), true);
  normalise(weights.post_attention_norm);
  mlp(weights);
}

void Forward::project_qkv(const LayerWeights& weights) {
  const std::array<Product, 3> products{{{&weights.query, query_.rows(count_)},
                                         {&weights.key, key_.rows(count_)},
                                         {&weights.value, value_.rows(count_)}}};
  multiply(products, normed_.rows(count_), false);
}

void Forward::finish_keys(std::span<const BatchItem> items, const LayerWeights& weights,
                          uint32_t layer) {
  for_rows(count_, [&](uint32_t row) {
    rotate_heads(query_.row(row), config_.heads, weights.query_norm, row);
    rotate_heads(key_.row(row), config_.kv_heads, weights.key_norm, row);
    store_kv(items[rows_[row].item], row, layer);
  });
}

void Forward::rotate_heads(float* heads, uint32_t count, const std::vector<float>& norm,
                           uint32_t row) {
  const size_t dim = config_.head_dim;
  for (uint32_t h = 0; h < count; ++h, heads += dim) {
    if (!norm.empty()) kernels::rms_norm(heads, norm.data(), config_.rms_epsilon, dim, heads);
    kernels::rope(heads, cos_.row(row), sin_.row(row), dim);
  }
}

void Forward::store_kv(const BatchItem& item, uint32_t row, uint32_t layer) {
  const KvLayout& layout = pool_.layout();
  const uint32_t position = rows_[row].position;
  const BlockId block = item.block_table[position / layout.block_size];
  const size_t offset =
      size_t{position % layout.block_size} * layout.head_dim * layout.element_bytes();
  const auto put = [&layout](const float* from, std::byte* to) {
    if (layout.dtype == KvDtype::kF32) {
      std::memcpy(to, from, layout.head_dim * sizeof(float));
    } else {
      kernels::to_bf16(from, layout.head_dim, reinterpret_cast<uint16_t*>(to));
    }
  };
  for (uint32_t h = 0; h < layout.kv_heads; ++h) {
    put(key_.row(row) + size_t{h} * layout.head_dim, pool_.key(block, layer, h) + offset);
    put(value_.row(row) + size_t{h} * layout.head_dim, pool_.value(block, layer, h) + offset);
  }
}

void Forward::plan_attention(std::span<const BatchItem> items) {
  const size_t group = config_.heads / config_.kv_heads;
  attention_tasks_.assign(1, 0);
  for (const BatchItem& item : items) {
    const size_t tiles =
        (item.tokens.size() * group + kernels::kAttentionRows - 1) / kernels::kAttentionRows;
    attention_tasks_.push_back(attention_tasks_.back() +
                               static_cast<uint32_t>(tiles * config_.kv_heads));
  }
}

void Forward::attention(std::span<const BatchItem> items, uint32_t layer) {
  team_.run(attention_tasks_.back(), [&](uint32_t task, uint32_t worker) {
    const auto after = std::upper_bound(attention_tasks_.begin(), attention_tasks_.end(), task);
    const auto index = static_cast<size_t>(after - attention_tasks_.begin()) - 1;
    const uint32_t local = task - attention_tasks_[index];
    const uint32_t tiles =
        (attention_tasks_[index + 1] - attention_tasks_[index]) / config_.kv_heads;
    // The last tile sees the most keys: start with it, so that no thread ends up with it alone.
    attention_tile(items[index], layer, first_row_[index], tiles - 1 - local % tiles, local / tiles,
                   scores_.row(worker));
  });
}

/// A tile is a run of (token, query head) pairs of one KV head, by token.
void Forward::attention_tile(const BatchItem& item, uint32_t layer, uint32_t first_row,
                             uint32_t tile, uint32_t head, float* scores) {
  const KvLayout& layout = pool_.layout();
  const kernels::KvView view{.keys = pool_.key(0, layer, head),
                             .values = pool_.value(0, layer, head),
                             .block_stride = layout.block_bytes(),
                             .table = item.block_table.data(),
                             .block_size = layout.block_size,
                             .dim = layout.head_dim,
                             .bf16 = layout.dtype == KvDtype::kBf16};
  const uint32_t group = config_.heads / config_.kv_heads;
  const auto pairs = static_cast<uint32_t>(item.tokens.size()) * group;
  const uint32_t begin = tile * kernels::kAttentionRows;
  kernels::AttentionBatch batch;
  for (uint32_t pair = begin; pair < std::min(pairs, begin + kernels::kAttentionRows); ++pair) {
    const uint32_t row = first_row + pair / group;
    const size_t offset = size_t{head * group + pair % group} * config_.head_dim;
    batch.query[batch.count] = query_.row(row) + offset;
    batch.out[batch.count] = attended_.row(row) + offset;
    batch.length[batch.count++] = rows_[row].position + 1;
  }
  const float scale = 1.0F / std::sqrt(static_cast<float>(config_.head_dim));
  kernels::attend(view, batch, scale, scores, score_stride_);
}

void Forward::keep_wanted_rows() {
  for (uint32_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i] == i) continue;
    std::copy_n(hidden_.row(wanted_[i]), config_.hidden, hidden_.row(i));
    std::copy_n(attended_.row(wanted_[i]), config_.query_size(), attended_.row(i));
  }
  count_ = static_cast<uint32_t>(wanted_.size());
}

void Forward::mlp(const LayerWeights& weights) {
  if (count_ == 0) return;
  const Rows x = normed_.rows(count_);
  const uint32_t step = chunk(config_.intermediate, 2 * size_t{config_.hidden} * count_);
  team_.run((config_.intermediate + step - 1) / step, [&](uint32_t task, uint32_t worker) {
    const uint32_t begin = task * step;
    const uint32_t end = std::min(config_.intermediate, begin + step);
    kernels::matmul(weights.gate, x, gate_.rows(count_), false, begin, end, scratch(worker));
    kernels::matmul(weights.up, x, up_.rows(count_), false, begin, end, scratch(worker));
    for (uint32_t row = 0; row < count_; ++row) {
      kernels::silu_multiply(gate_.row(row) + begin, up_.row(row) + begin, end - begin);
    }
  });
  const Product down{&weights.down, hidden_.rows(count_)};
  multiply({&down, 1}, gate_.rows(count_), true);
}

void Forward::normalise(const std::vector<float>& weight) {
  for_rows(count_, [&](uint32_t row) {
    kernels::rms_norm(hidden_.row(row), weight.data(), config_.rms_epsilon, config_.hidden,
                      normed_.row(row));
  });
}

template <class F>
void Forward::for_rows(uint32_t count, F&& work) {
  const uint32_t step = count < kRowsToShare ? count : kRowsToShare;
  const uint32_t tasks = count == 0 ? 0 : (count + step - 1) / step;
  team_.run(tasks, [&](uint32_t task, uint32_t) {
    for (uint32_t row = task * step; row < std::min(count, (task + 1) * step); ++row) work(row);
  });
}

/// How many outputs a task should take, in whole vectors, when each costs `work` multiplications.
uint32_t Forward::chunk(uint32_t outputs, size_t work) const {
  if (team_.threads() == 1) return outputs;
  const uint32_t fair = outputs / (team_.threads() * kTasksPerThread);
  const auto least = static_cast<uint32_t>(kTaskWork / std::max<size_t>(work, 1));
  return (std::max({fair, least, 1U}) + 15) / 16 * 16;
}

/// Products of the same rows with several matrices, as one region.
void Forward::multiply(std::span<const Product> products, Rows x, bool add) {
  if (x.rows == 0) return;
  uint32_t total = 0;
  for (const Product& p : products) total += p.weights->rows;
  const uint32_t step = chunk(total, size_t{products[0].weights->cols} * x.rows);
  team_.run((total + step - 1) / step, [&](uint32_t task, uint32_t worker) {
    const uint32_t begin = task * step;
    const uint32_t end = std::min(total, begin + step);
    uint32_t base = 0;
    for (const Product& p : products) {
      const uint32_t from = std::max(begin, base);
      const uint32_t to = std::min(end, base + p.weights->rows);
      if (from < to) {
        kernels::matmul(*p.weights, x, p.out, add, from - base, to - base, scratch(worker));
      }
      base += p.weights->rows;
    }
  });
}

Rows Forward::logits(uint32_t first, uint32_t count) {
  LLMD_CHECK(count <= kLogitRows && first + count <= count_);
  Rows x = normed_.rows(count);
  x.data = normed_.row(first);
  const Product head{&weights_.head, logits_.rows(count)};
  multiply({&head, 1}, x, false);
  return head.out;
}

}  // namespace llmd::engine
