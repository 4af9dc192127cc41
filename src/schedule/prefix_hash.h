// SPDX-License-Identifier: Apache-2.0
// Names for the leading pieces of a prompt, from its bytes alone: no tokenizer is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace llmd::schedule {

/// Bytes of a unit; about 16 tokens of text, one block of an engine.
inline constexpr uint32_t kUnitBytes = 64;
/// Tokens that a unit stands for: exactly, where the prompt is ids.
inline constexpr uint32_t kUnitTokens = 16;
/// The estimate that upstream uses too.
inline constexpr uint32_t kBytesPerToken = 4;
/// The first blocks are one unit long, so that short chats are told apart; later ones four.
inline constexpr size_t kFineBlocks = 16;
inline constexpr uint32_t kCoarseUnits = 4;
/// Prompts are hashed up to here: upstream's bound, about a million tokens.
inline constexpr size_t kPrefixTokensMax = 1 << 20;

/// Blocks that `tokens` tokens fill.
constexpr size_t blocks_of(uint64_t tokens) {
  const uint64_t units = tokens / kUnitTokens;
  return units <= kFineBlocks ? units : kFineBlocks + (units - kFineBlocks) / kCoarseUnits;
}

/// What decides whether two prompts can share a cache, apart from the prompt itself.
struct PrefixRoot {
  std::string_view model = {};
  std::string_view salt = {};
  std::string_view tools = {};
};

/// Units that the block of this hash covers: the lowest bit of each hash says it.
constexpr uint32_t block_units(uint64_t hash) { return (hash & 1) != 0 ? kCoarseUnits : 1; }

struct Prefix {
  /// Of full blocks only, each chained to the one before: equal hashes mean an equal prefix. Where
  /// there are several prompts, one after the other.
  std::vector<uint64_t> hashes;
  /// Where the prompts end in `hashes`; those too short for a block are left out.
  std::vector<uint32_t> ends;
  uint32_t units = 0;         ///< length of all prompts, each rounded up
  std::vector<uint32_t> ids;  ///< scratch

  size_t prompts() const { return ends.size(); }
  std::span<const uint64_t> prompt(size_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends[i - 1];
    return std::span(hashes).subspan(begin, ends[i] - begin);
  }
  /// Length of all prompts.
  uint32_t tokens() const { return units * kUnitTokens; }
};

/// Fills `prefix` from a prompt's JSON, reusing its memory: its bytes, or the ids where it is a
/// list of them; each prompt singly where it is a list of prompts. At most `blocks_max` blocks of
/// each. XXH3-64 of each block, mixed with the hash before.
void hash_prefix(const PrefixRoot& root, std::string_view content, size_t blocks_max,
                 Prefix& prefix);

}  // namespace llmd::schedule
