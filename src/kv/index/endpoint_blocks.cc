// SPDX-License-Identifier: Apache-2.0
#include "kv/index/endpoint_blocks.h"

#include <algorithm>

namespace llmd::kv {
namespace {

/// Blocks whose places are fetched while the keys of those behind them are computed.
constexpr size_t kAhead = 32;
constexpr size_t kPartsMax = 1024;  ///< of an engine's block: 16,384 tokens

/// What vLLM and SGLang call their tiers; what is slower than the host's memory counts as storage.
Tier tier_of(std::string_view medium) {
  if (medium.empty() || medium == "GPU") return Tier::kGpu;
  return medium.starts_with("CPU") ? Tier::kCpu : Tier::kStorage;
}

/// Blocks of the index that cover what a layer still looks at: vLLM's
/// sliding_window_contiguous_blocks, in tokens of ours.
uint32_t blocks_of_window(uint32_t tokens) {
  return std::max<uint32_t>(1, (tokens + kBlockTokens - 2) / kBlockTokens);
}

/// How many blocks a group needs before the end of a match, 0 meaning all; nothing for groups that
/// have no part in prefix caching.
std::optional<uint32_t> window_of(const StoredEvent& event) {
  switch (event.spec_kind) {
    case SpecKind::kSlidingWindow:
    case SpecKind::kSlidingWindowMla:
    case SpecKind::kChunkedLocalAttention:
      return blocks_of_window(event.sliding_window.value_or(1));
    case SpecKind::kMamba:
      return 1;  // the state at the end
    case SpecKind::kEncoderOnlyAttention:
    case SpecKind::kCrossAttention:
      return std::nullopt;
    default:
      return 0;
  }
}

/// The name of a part of an engine's block: its own for the last part, by which children find it.
EngineHash part_name(EngineHash hash, size_t before_last) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;
  return hash + before_last * kOdd;
}

}  // namespace

EndpointBlocks::EndpointBlocks(BlockIndex& index, const Clock& clock, uint32_t endpoint,
                               EndpointLimits limits)
    : index_(index), clock_(clock), endpoint_(endpoint), limits_(limits) {}

EndpointBlocks::~EndpointBlocks() { clear(); }

bool EndpointBlocks::open() {
  if (!lane_) lane_ = index_.open(endpoint_);
  return lane_.has_value();
}

void EndpointBlocks::clear() {
  if (lane_) index_.close(*lane_);
  lane_.reset();
  caches_.clear();
  parked_.clear();
  by_parent_.clear();
  by_block_.clear();
  parked_tokens_ = 0;
  held_ = 0;
  is_partial_ = false;
}

void EndpointBlocks::on_cleared(const ClearedEvent&) { clear(); }

EndpointBlocks::Cache* EndpointBlocks::find_cache(Tier tier, uint32_t group) {
  const auto is_it = [&](const Cache& each) { return each.tier == tier && each.group == group; };
  const auto found = std::ranges::find_if(caches_, is_it);
  return found == caches_.end() ? nullptr : &*found;
}

/// Null when the index has no room for another such cache.
EndpointBlocks::Cache* EndpointBlocks::cache_of(const StoredEvent& event) {
  const Tier tier = tier_of(event.medium);
  if (Cache* known = find_cache(tier, event.group)) return known;
  const auto window = window_of(event);
  if (!window || !open()) return nullptr;
  const auto plane = index_.plane_of({tier, event.group, *window});
  if (!plane) return nullptr;
  caches_.push_back({.tier = tier, .group = event.group, .plane = *plane, .keys = {}});
  return &caches_.back();
}

/// Of a block that the endpoint holds in any tier.
std::optional<BlockKey> EndpointBlocks::key_of(EngineHash hash, uint32_t group) const {
  for (const Cache& cache : caches_) {
    if (cache.group != group) continue;
    if (const auto found = cache.keys.find(hash)) return index_.find_key(*found);
  }
  return std::nullopt;
}

std::optional<BlockKey> EndpointBlocks::parent_key(const StoredEvent& event) const {
  if (event.parent) return key_of(*event.parent, event.group);
  if (event.lora_name.empty() && event.lora_id) {
    return root_key({.adapter = std::to_string(*event.lora_id)});
  }
  return root_key({.adapter = event.lora_name});
}

void EndpointBlocks::on_stored(const StoredEvent& event) {
  expire_parked();
  if (event.tokens.empty()) return store_named(event);
  const size_t parts = event.block_size / kBlockTokens;
  if (event.block_size % kBlockTokens != 0 || parts > kPartsMax || !window_of(event)) {
    ++figures_.unsupported;
    is_partial_ = is_partial_ || window_of(event).has_value();
    return;
  }
  const auto parent = parent_key(event);
  if (!parent) return park(event);
  store(event, *parent);
  unpark_children(event.hashes);
}

void EndpointBlocks::store(const StoredEvent& event, BlockKey parent) {
  Cache* cache = cache_of(event);
  if (cache == nullptr) {
    ++figures_.unsupported;
    is_partial_ = true;
    return;
  }
  cache->parts = event.block_size / kBlockTokens;
  std::span tokens = event.tokens;
  for (size_t block = 0; block < event.hashes.size(); ++block) {
    for (size_t part = 0; part < cache->parts; ++part) {
      const bool has_extra = part == 0 && !event.extra.empty();
      parent = chain_key(parent, tokens.first(kBlockTokens), has_extra ? event.extra[block] : 0);
      tokens = tokens.subspan(kBlockTokens);
      add_soon(*cache, part_name(event.hashes[block], cache->parts - 1 - part), parent);
    }
  }
  add_coming(*cache);
}

void EndpointBlocks::add_soon(Cache& cache, EngineHash hash, BlockKey key) {
  cache.keys.prefetch(hash);
  index_.prefetch(short_key(key));
  coming_.push_back({hash, key});
  if (coming_.size() == kAhead) add_coming(cache);
}

void EndpointBlocks::add_coming(Cache& cache) {
  for (const auto& [hash, key] : coming_) add(cache, hash, key);
  coming_.clear();
}

/// An event without tokens: a tier took blocks over that another one held.
void EndpointBlocks::store_named(const StoredEvent& event) {
  size_t parts = 1;
  for (const Cache& cache : caches_) {
    if (cache.group == event.group) parts = std::max(parts, cache.parts);
  }
  for (const EngineHash hash : event.hashes) {
    for (size_t part = parts; part-- > 0;) {
      const auto key = key_of(part_name(hash, part), event.group);
      Cache* cache = key ? cache_of(event) : nullptr;
      if (cache == nullptr) {
        ++figures_.orphans;
        break;
      }
      cache->parts = parts;
      add(*cache, part_name(hash, part), *key);
    }
  }
}

void EndpointBlocks::add(Cache& cache, EngineHash hash, BlockKey key) {
  if (held_ >= limits_.entries_max) {
    ++figures_.refused;
    is_partial_ = true;
    return;
  }
  const auto before = cache.keys.find(hash);
  if (before && *before != short_key(key)) {
    // The engine gave the name to another block without taking it from the first.
    while (cache.keys.find(hash)) remove(cache, hash);
  }
  cache.keys.add(hash, short_key(key));
  if (!index_.add(key, *lane_, cache.plane)) return;
  ++figures_.stored;
  ++held_;
}

void EndpointBlocks::remove(Cache& cache, EngineHash hash) {
  const auto key = cache.keys.remove(hash);
  if (!key || !index_.remove(*key, *lane_, cache.plane)) return;
  ++figures_.removed;
  --held_;
}

void EndpointBlocks::on_removed(const RemovedEvent& event) {
  Cache* cache = find_cache(tier_of(event.medium), event.group);
  for (std::span left = event.hashes; !left.empty();) {
    const auto next = left.first(std::min(left.size(), kAhead));
    left = left.subspan(next.size());
    if (cache != nullptr) prefetch(*cache, next);
    for (const EngineHash hash : next) remove_block(cache, hash);
  }
}

void EndpointBlocks::prefetch(const Cache& cache, std::span<const EngineHash> hashes) const {
  for (const EngineHash hash : hashes) cache.keys.prefetch(hash);
  for (const EngineHash hash : hashes) {
    if (const auto key = cache.keys.find(hash)) index_.prefetch(*key);
  }
}

void EndpointBlocks::remove_block(Cache* cache, EngineHash hash) {
  if (cache == nullptr || !cache->keys.find(hash)) return cut_parked(hash);
  for (size_t part = 0; part < cache->parts; ++part) remove(*cache, part_name(hash, part));
}

void EndpointBlocks::park(const StoredEvent& event) {
  if (event.tokens.size() > limits_.parked_tokens_max) {
    ++figures_.orphans;
    is_partial_ = true;
    return;
  }
  while (parked_.size() >= limits_.parked_max ||
         parked_tokens_ + event.tokens.size() > limits_.parked_tokens_max) {
    give_up(parked_.begin());
  }
  Parked& parked = parked_.emplace_back();
  parked.hashes.assign(event.hashes.begin(), event.hashes.end());
  parked.tokens.assign(event.tokens.begin(), event.tokens.end());
  parked.extra.assign(event.extra.begin(), event.extra.end());
  parked.lora_name = event.lora_name;
  parked.medium = event.medium;
  parked.event = event;
  parked.event.hashes = parked.hashes;
  parked.event.tokens = parked.tokens;
  parked.event.extra = parked.extra;
  parked.event.lora_name = parked.lora_name;
  parked.event.medium = parked.medium;
  parked.since = clock_.now();
  parked_tokens_ += parked.tokens.size();
  const auto place = std::prev(parked_.end());
  by_parent_.emplace(*event.parent, place);
  for (const EngineHash hash : parked.hashes) by_block_.emplace(hash, place);
}

/// Stores those whose parent is there now, and theirs.
void EndpointBlocks::unpark_children(std::span<const EngineHash> stored) {
  if (parked_.empty()) return;
  std::vector<EngineHash> parents(stored.begin(), stored.end());
  while (!parents.empty()) {
    const EngineHash hash = parents.back();
    parents.pop_back();
    for (auto found = by_parent_.find(hash); found != by_parent_.end();
         found = by_parent_.find(hash)) {
      const auto parked = found->second;
      const auto parent = parent_key(parked->event);
      if (!parent) break;  // another group's block of that name
      store(parked->event, *parent);
      parents.insert(parents.end(), parked->event.hashes.begin(), parked->event.hashes.end());
      drop_parked(parked);
    }
  }
}

/// A block that waits is gone already, and with it those behind it.
void EndpointBlocks::cut_parked(EngineHash removed) {
  for (auto found = by_block_.find(removed); found != by_block_.end();
       found = by_block_.find(removed)) {
    Parked& parked = *found->second;
    const auto at = std::ranges::find(parked.event.hashes, removed);
    const auto left = static_cast<size_t>(at - parked.event.hashes.begin());
    if (left == 0) {
      drop_parked(found->second);
      continue;
    }
    by_block_.erase(found);
    parked.event.tokens = parked.event.tokens.first(left * parked.event.block_size);
    parked.event.hashes = parked.event.hashes.first(left);
  }
}

void EndpointBlocks::drop_parked(ParkedPlace parked) {
  const auto drop_from = [parked](ParkedBy& by, EngineHash hash) {
    const auto [begin, end] = by.equal_range(hash);
    const auto found =
        std::find_if(begin, end, [&](const auto& each) { return each.second == parked; });
    if (found != end) by.erase(found);
  };
  drop_from(by_parent_, *parked->event.parent);
  for (const EngineHash hash : parked->hashes) drop_from(by_block_, hash);
  parked_tokens_ -= parked->tokens.size();
  parked_.erase(parked);
}

void EndpointBlocks::give_up(ParkedPlace parked) {
  drop_parked(parked);
  ++figures_.orphans;
  is_partial_ = true;
}

void EndpointBlocks::expire_parked() {
  while (!parked_.empty() && clock_.now() - parked_.front().since > limits_.parked_for) {
    give_up(parked_.begin());
  }
}

EndpointFigures EndpointBlocks::figures() const {
  EndpointFigures figures = figures_;
  for (const Cache& cache : caches_) figures.entries += cache.keys.size();
  figures.parked = parked_.size();
  return figures;
}

size_t EndpointBlocks::bytes() const {
  size_t bytes = parked_tokens_ * sizeof(uint32_t);
  for (const Cache& cache : caches_) bytes += cache.keys.bytes();
  return bytes;
}

}  // namespace llmd::kv
