// SPDX-License-Identifier: Apache-2.0
// How many KV blocks to have, and how long sequences may then be.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "engine/cache/kv_pool.h"

namespace llmd::engine {

struct KvSizeRequest {
  uint32_t max_position = 0;   ///< what the model was made for
  uint32_t max_model_len = 0;  ///< asked for, or 0
  uint32_t blocks = 0;         ///< asked for, or 0
  uint32_t max_num_seqs = 0;
  uint64_t memory_bytes = 0;  ///< the machine's
};

struct KvSize {
  uint32_t blocks = 0;
  uint32_t max_model_len = 0;
  bool shortened = false;  ///< the model could do longer sequences, memory cannot
};

/// At most kKvBytesMax and a tenth of memory, unless `blocks` says otherwise; no more than
/// kFullSequences sequences of full length can use. `layout` gives the shape of a block. An error
/// when a length that was asked for does not fit into the blocks.
Result<KvSize> size_kv(const KvLayout& layout, const KvSizeRequest& request);

constexpr uint64_t kKvBytesMax = uint64_t{1} << 30U;
constexpr uint32_t kFullSequences = 16;

}  // namespace llmd::engine
