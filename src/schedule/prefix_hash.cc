// SPDX-License-Identifier: Apache-2.0
#include "schedule/prefix_hash.h"

#include <xxhash.h>
#ifdef __x86_64__
#include <xxh_x86dispatch.h>  // makes XXH3_64bits take the widest vectors of the machine
#endif

#include <algorithm>
#include <charconv>

#include "base/random.h"
#include "base/text.h"

namespace llmd::schedule {
namespace {

/// The block's own hash does not wait for its parent's, so that blocks overlap in the processor;
/// and XXH3 without a seed keeps its constant secret (with one, blocks above 240 bytes cost 35 ns).
uint64_t chain(uint64_t parent, std::string_view bytes) {
  return mix64(parent ^ XXH3_64bits(bytes.data(), bytes.size()));
}

/// Writes the block's size into the lowest bit; never 0, which marks free places of an index.
uint64_t mark(uint64_t hash, bool is_coarse) {
  const uint64_t marked = (hash & ~uint64_t{1}) | static_cast<uint64_t>(is_coarse);
  return marked == 0 ? 2 : marked;
}

/// The ids of "[1, 2, 3]"; false when it is no such list.
bool read_ids(std::string_view json, std::vector<uint32_t>& ids) {
  ids.clear();
  if (json.size() < 2 || json.front() != '[' || json.back() != ']') return false;
  json = json.substr(1, json.size() - 2);
  while (!json.empty()) {
    const size_t end = std::min(json.find(','), json.size());
    const std::string_view number = trim(json.substr(0, end));
    uint32_t id = 0;
    const auto [rest, error] = std::from_chars(number.data(), number.data() + number.size(), id);
    if (error != std::errc() || rest != number.data() + number.size()) return false;
    ids.push_back(id);
    json.remove_prefix(std::min(end + 1, json.size()));
  }
  return !ids.empty();
}

std::string_view bytes_of(const std::vector<uint32_t>& ids) {
  return {reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(uint32_t)};
}

}  // namespace

void hash_prefix(const PrefixRoot& root, std::string_view content, size_t blocks_max,
                 Prefix& prefix) {
  static_assert(kUnitTokens * sizeof(uint32_t) == kUnitBytes);
  if (read_ids(content, prefix.ids)) content = bytes_of(prefix.ids);
  prefix.hashes.clear();
  prefix.units = static_cast<uint32_t>(
      std::min<size_t>((content.size() + kUnitBytes - 1) / kUnitBytes, UINT32_MAX / kUnitTokens));
  uint64_t hash = chain(chain(chain(0, root.model), root.salt), root.tools);
  while (prefix.hashes.size() < blocks_max) {
    const bool is_coarse = prefix.hashes.size() >= kFineBlocks;
    const size_t bytes = kUnitBytes * (is_coarse ? kCoarseUnits : 1);
    if (content.size() < bytes) return;
    hash = mark(chain(hash, content.substr(0, bytes)), is_coarse);
    prefix.hashes.push_back(hash);
    content.remove_prefix(bytes);
  }
}

}  // namespace llmd::schedule
