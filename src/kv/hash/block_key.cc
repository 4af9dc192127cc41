// SPDX-License-Identifier: Apache-2.0
#include "kv/hash/block_key.h"

#include <xxhash.h>
#ifdef __x86_64__
#include <xxh_x86dispatch.h>  // makes XXH3_64bits take the widest vectors of the machine
#endif

#include "base/random.h"

namespace llmd::kv {
namespace {

constexpr BlockKey kMarks = 2;  ///< 0 and 1 are none

BlockKey no_mark(uint64_t hash) { return hash < kMarks ? hash + kMarks : hash; }

uint64_t hash_text(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

}  // namespace

BlockKey root_key(const KeyScope& scope) {
  return no_mark(mix64(mix64(hash_text(scope.model)) ^ hash_text(scope.adapter)));
}

/// The tokens' own hash does not wait for the parent's, so that blocks overlap in the processor.
BlockKey chain_key(BlockKey parent, std::span<const uint32_t> tokens, uint64_t extra) {
  return no_mark(mix64((parent + extra) ^ XXH3_64bits(tokens.data(), tokens.size_bytes())));
}

uint64_t add_extra(uint64_t extra, std::string_view item) {
  return mix64(extra ^ hash_text(item)) | 1;
}

}  // namespace llmd::kv
