// SPDX-License-Identifier: Apache-2.0
// Names of full blocks: vLLM's `sha256_cbor` chained hash, byte for byte.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "engine/types.h"

namespace llmd::engine {

/// SHA-256 over the canonical CBOR (RFC 8949, 4.2.1) of [parent, [tokens…], extra keys or null].
using BlockHash = std::array<uint8_t, 32>;

/// A hash is random already: any 8 of its bytes index a table well.
struct BlockHashHasher {
  size_t operator()(const BlockHash& hash) const {
    size_t bits = 0;
    std::memcpy(&bits, hash.data(), sizeof bits);
    return bits;
  }
};

/// The parent of every first block: the hash of the seed as a CBOR string (PYTHONHASHSEED there).
BlockHash root_hash(std::string_view seed);

/// What a block's hash holds beside its tokens; empty for none.
struct HashExtras {
  std::string_view adapter = {};  ///< the LoRA adapter's name
  std::string_view salt = {};     ///< the request's cache salt, of a sequence's first block only
};

BlockHash hash_block(const BlockHash& parent, std::span<const TokenId> tokens,
                     const HashExtras& extras = {});

/// What vLLM's events carry: the last 8 bytes, big-endian.
uint64_t wire_hash(const BlockHash& hash);

}  // namespace llmd::engine
