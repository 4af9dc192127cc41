// SPDX-License-Identifier: Apache-2.0
// Names for the blocks of a prompt whose token ids are known: what engines say they hold.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kv/hash/block_key.h"

namespace llmd::schedule {

struct TokenKeys {
  /// Of full blocks; where there are several prompts, one after the other.
  std::vector<kv::BlockKey> keys;
  std::vector<uint32_t> ends;  ///< where each prompt ends in `keys`
  uint32_t tokens = 0;         ///< of all prompts

  size_t prompts() const { return ends.size(); }
  std::span<const kv::BlockKey> prompt(size_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends[i - 1];
    return std::span(keys).subspan(begin, ends[i] - begin);
  }
  void clear();
  /// One prompt more. `salt` is the request's cache salt; empty for none.
  void add(std::span<const uint32_t> ids, const kv::KeyScope& scope, std::string_view salt);
};

}  // namespace llmd::schedule
