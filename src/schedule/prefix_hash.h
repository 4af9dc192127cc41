// SPDX-License-Identifier: Apache-2.0
// Names for the leading pieces of a prompt, from its bytes alone: no tokenizer is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace llmd::schedule {

/// Bytes of a unit; about 16 tokens of text, one block of an engine.
inline constexpr uint32_t kUnitBytes = 64;
/// The estimate that upstream uses too.
inline constexpr uint32_t kBytesPerToken = 4;
/// The first blocks are one unit long, so that short chats are told apart; later ones four.
inline constexpr size_t kFineBlocks = 16;
inline constexpr uint32_t kCoarseUnits = 4;
/// Blocks beyond this are not hashed: 16 + 2032 × 4 units are about 130,000 tokens.
inline constexpr size_t kBlocksMax = 2048;

/// What decides whether two prompts can share a cache, apart from the prompt itself.
struct PrefixRoot {
  std::string_view model = {};
  std::string_view salt = {};
  std::string_view tools = {};
};

/// Units that the block of this hash covers: the lowest bit of each hash says it.
constexpr uint32_t block_units(uint64_t hash) { return (hash & 1) != 0 ? kCoarseUnits : 1; }

struct Prefix {
  /// Of full blocks only, each chained to the one before: equal hashes mean an equal prefix.
  std::vector<uint64_t> hashes;
  uint32_t units = 0;  ///< length of the whole prompt, rounded up
};

/// Fills `prefix`, reusing its memory. XXH3-64 of each block, mixed with the hash before.
void hash_prefix(const PrefixRoot& root, std::string_view content, Prefix& prefix);

}  // namespace llmd::schedule
