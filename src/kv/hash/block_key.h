// SPDX-License-Identifier: Apache-2.0
// The index's own names for blocks of token ids. Engines' hashes are never compared with them, so
// neither their seeds nor their algorithms need to agree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace llmd::kv {

/// Equal keys mean equal tokens from the beginning on, and equal scope. Never 0 or 1, which tables
/// use as marks.
using BlockKey = uint64_t;

/// Tokens in a block of the index. vLLM's default on CUDA, and a divisor of what engines use.
inline constexpr size_t kBlockTokens = 16;

/// What decides, apart from tokens, whether two prompts can share a cache.
struct KeyScope {
  std::string_view model = {};
  std::string_view adapter = {};  ///< LoRA; empty: none
};

/// The parent of every first block.
BlockKey root_key(const KeyScope& scope);

/// XXH3-64 of the tokens, mixed with the parent. `extra` stands for what else vLLM folds into the
/// block's hash (multimodal items, the cache salt in the first block); 0 for nothing.
BlockKey chain_key(BlockKey parent, std::span<const uint32_t> tokens, uint64_t extra = 0);

/// What `extra` of chain_key() is after one more item, in their order.
uint64_t add_extra(uint64_t extra, std::string_view item);

}  // namespace llmd::kv
