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

/// Where the string that `json` begins with has its closing quote.
size_t closing_quote(std::string_view json) {
  size_t quote = json.find('"', 1);
  while (quote != std::string_view::npos) {
    size_t escapes = quote;
    while (json[escapes - 1] == '\\') --escapes;
    if ((quote - escapes) % 2 == 0) break;
    quote = json.find('"', quote + 1);
  }
  return quote;
}

/// The next of the prompts "a", "b" or [1, 2], [3], taken off `json`; all of it when it is neither.
std::string_view take_prompt(std::string_view& json) {
  const size_t last = json.front() == '"' ? closing_quote(json) : json.find(']');
  const std::string_view prompt = json.substr(0, last == std::string_view::npos ? last : last + 1);
  json.remove_prefix(prompt.size());
  json.remove_prefix(std::min(json.find_first_not_of(", \t\r\n"), json.size()));
  return prompt;
}

/// What is between the brackets of a list of prompts; empty when it is something else.
std::string_view batch_of(std::string_view json) {
  if (json.size() < 2 || json.front() != '[' || json.back() != ']') return {};
  const std::string_view inner = trim(json.substr(1, json.size() - 2));
  return inner.starts_with('"') || inner.starts_with('[') ? inner : std::string_view();
}

void hash_prompt(uint64_t hash, std::string_view prompt, size_t blocks_max, Prefix& prefix) {
  static_assert(kUnitTokens * sizeof(uint32_t) == kUnitBytes);
  if (read_ids(prompt, prefix.ids)) prompt = bytes_of(prefix.ids);
  const size_t begin = prefix.hashes.size();
  prefix.units += static_cast<uint32_t>(std::min<size_t>(
      (prompt.size() + kUnitBytes - 1) / kUnitBytes, UINT32_MAX / kUnitTokens - prefix.units));
  for (size_t block = 0; block < blocks_max; ++block) {
    const bool is_coarse = block >= kFineBlocks;
    const size_t bytes = kUnitBytes * (is_coarse ? kCoarseUnits : 1);
    if (prompt.size() < bytes) break;
    hash = mark(chain(hash, prompt.substr(0, bytes)), is_coarse);
    prefix.hashes.push_back(hash);
    prompt.remove_prefix(bytes);
  }
  if (prefix.hashes.size() > begin)
    prefix.ends.push_back(static_cast<uint32_t>(prefix.hashes.size()));
}

}  // namespace

void hash_prefix(const PrefixRoot& root, std::string_view content, size_t blocks_max,
                 Prefix& prefix) {
  prefix.hashes.clear();
  prefix.ends.clear();
  prefix.units = 0;
  const uint64_t hash = chain(chain(chain(0, root.model), root.salt), root.tools);
  std::string_view batch = batch_of(content);
  if (batch.empty()) return hash_prompt(hash, content, blocks_max, prefix);
  while (!batch.empty()) hash_prompt(hash, take_prompt(batch), blocks_max, prefix);
}

}  // namespace llmd::schedule
