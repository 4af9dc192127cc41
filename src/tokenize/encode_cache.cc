// SPDX-License-Identifier: Apache-2.0
#include "tokenize/encode_cache.h"

#include <xxhash.h>
#ifdef __x86_64__
#include <xxh_x86dispatch.h>  // makes XXH3_128bits take the widest vectors of the machine
#endif

namespace llmd::tokenize {
namespace {

/// List node, table node and bucket, the shared vector's head.
constexpr size_t kEntryBytes = 192;
/// One piece takes at most this share of the memory.
constexpr size_t kShareMax = 4;

size_t bytes_of(size_t tokens) { return kEntryBytes + tokens * sizeof(uint32_t); }

}  // namespace

EncodeCache::Key EncodeCache::key_of(std::string_view piece, bool at_start) const {
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(piece.data(), piece.size(), seed_ ^ static_cast<uint64_t>(at_start));
  return {hash.low64, hash.high64};
}

EncodeCache::Ids EncodeCache::find(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(key);
  if (found == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->ids;
}

bool EncodeCache::append(const Key& key, std::vector<uint32_t>& out) {
  const Ids ids = find(key);
  if (ids == nullptr) return false;
  out.insert(out.end(), ids->begin(), ids->end());
  return true;
}

void EncodeCache::store(const Key& key, std::span<const uint32_t> tokens) {
  const size_t bytes = bytes_of(tokens.size());
  if (bytes > bytes_max_ / kShareMax) return;
  auto ids = std::make_shared<const std::vector<uint32_t>>(tokens.begin(), tokens.end());
  const std::lock_guard lock(mutex_);
  if (places_.contains(key)) return;  // two requests were at it at once
  while (bytes_ + bytes > bytes_max_) drop_last();
  entries_.push_front({key, std::move(ids)});
  places_.emplace(key, entries_.begin());
  bytes_ += bytes;
}

void EncodeCache::drop_last() {
  bytes_ -= bytes_of(entries_.back().ids->size());
  places_.erase(entries_.back().key);
  entries_.pop_back();
}

size_t EncodeCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace llmd::tokenize
