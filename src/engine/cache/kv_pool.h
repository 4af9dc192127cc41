// SPDX-License-Identifier: Apache-2.0
// The memory that keys and values live in.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "engine/types.h"

namespace llmd::engine {

/// Shape of the pool: `[block][layer][K|V][kv_head][token][dim]`. A block is one run of bytes, and
/// within a layer a range of heads is one run, so that transfer and tensor parallelism move runs.
struct KvLayout {
  uint32_t blocks = 0;
  uint32_t layers = 0;
  uint32_t kv_heads = 0;
  uint32_t block_size = 0;  ///< tokens per block
  uint32_t head_dim = 0;
  KvDtype dtype = KvDtype::kF32;

  size_t element_bytes() const { return dtype == KvDtype::kF32 ? 4 : 2; }
  size_t head_bytes() const { return size_t{block_size} * head_dim * element_bytes(); }
  size_t plane_bytes() const { return kv_heads * head_bytes(); }  ///< K or V of one layer
  size_t block_bytes() const { return size_t{layers} * 2 * plane_bytes(); }
  size_t total_bytes() const { return blocks * block_bytes(); }
};

/// One page-aligned region of memory (a sealed memfd, so that it can be shared and registered).
/// Knows no ownership: which block belongs to whom is BlockPool's affair.
class KvPool {
 public:
  static Result<KvPool> create(const KvLayout& layout);
  ~KvPool();
  KvPool(KvPool&& other) noexcept;
  KvPool& operator=(KvPool&& other) noexcept;

  const KvLayout& layout() const { return layout_; }
  std::byte* data() const { return data_; }
  std::byte* key(BlockId block, uint32_t layer, uint32_t kv_head) const {
    return plane(block, layer, 0) + kv_head * layout_.head_bytes();
  }
  std::byte* value(BlockId block, uint32_t layer, uint32_t kv_head) const {
    return plane(block, layer, 1) + kv_head * layout_.head_bytes();
  }

 private:
  KvPool(const KvLayout& layout, std::byte* data, int fd) : layout_(layout), data_(data), fd_(fd) {}
  std::byte* plane(BlockId block, uint32_t layer, uint32_t value) const {
    return data_ + block * layout_.block_bytes() +
           (size_t{layer} * 2 + value) * layout_.plane_bytes();
  }

  KvLayout layout_;
  std::byte* data_ = nullptr;
  int fd_ = -1;
};

}  // namespace llmd::engine
