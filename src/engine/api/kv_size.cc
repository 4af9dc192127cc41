// SPDX-License-Identifier: Apache-2.0
#include "engine/api/kv_size.h"

#include <fmt/core.h>

#include <algorithm>

namespace llmd::engine {
namespace {

constexpr uint64_t kMemoryShare = 10;  ///< a tenth

uint32_t default_blocks(const KvLayout& layout, const KvSizeRequest& request, uint32_t length) {
  const uint64_t bytes = std::min(kKvBytesMax, request.memory_bytes / kMemoryShare);
  const uint64_t affordable = std::max<uint64_t>(bytes / layout.block_bytes(), 1);
  const uint64_t per_sequence = (length + layout.block_size - 1) / layout.block_size;
  const uint64_t useful = per_sequence * std::min(request.max_num_seqs, kFullSequences);
  return static_cast<uint32_t>(std::min({affordable, useful, uint64_t{UINT32_MAX} - 1}));
}

}  // namespace

Result<KvSize> size_kv(const KvLayout& layout, const KvSizeRequest& request) {
  if (request.max_model_len > request.max_position) {
    return invalid_argument(
        fmt::format("--max-model-len {} is more than the model's max_position_embeddings {}",
                    request.max_model_len, request.max_position));
  }
  KvSize size;
  size.max_model_len = request.max_model_len > 0 ? request.max_model_len : request.max_position;
  size.blocks =
      request.blocks > 0 ? request.blocks : default_blocks(layout, request, size.max_model_len);
  const uint64_t fits = uint64_t{size.blocks} * layout.block_size;
  if (fits >= size.max_model_len) return size;
  if (request.max_model_len > 0) {
    return invalid_argument(fmt::format(
        "{} KV blocks of {} tokens hold {} tokens, fewer than --max-model-len {}: lower it, or "
        "raise --num-gpu-blocks-override",
        size.blocks, layout.block_size, fits, request.max_model_len));
  }
  size.max_model_len = static_cast<uint32_t>(fits);
  size.shortened = true;
  return size;
}

}  // namespace llmd::engine
