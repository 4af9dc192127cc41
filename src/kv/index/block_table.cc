// SPDX-License-Identifier: Apache-2.0
#include "kv/index/block_table.h"

namespace llmd::kv {

BlockTable::BlockTable(size_t buckets) : count_(buckets), buckets_(new Bucket[buckets]()) {}

size_t BlockTable::home_of_short(uint64_t short_key) const {
  __extension__ using Wide = unsigned __int128;
  constexpr int kUnused = 64 - kShortKeyBits + kShardBits;
  return static_cast<size_t>((static_cast<Wide>(short_key << kUnused) * count_) >> 64);
}

template <typename Matches>
std::optional<BlockTable::Place> BlockTable::search(size_t bucket, Matches matches) const {
  for (size_t looked_at = 0; looked_at < count_; ++looked_at) {
    for (size_t at = 0; at < kPlaces; ++at) {
      if (matches(key_at({bucket, at}))) return Place{bucket, at};
    }
    if (buckets_[bucket].passed.load(std::memory_order_relaxed) == 0) break;
    bucket = next(bucket);
  }
  return std::nullopt;
}

/// The key is read again after the holders: an entry that was taken out and given to another block
/// in between counts as absent.
SetId BlockTable::find(BlockKey key) const {
  size_t bucket = home(key);
  for (size_t looked_at = 0; looked_at < count_; ++looked_at) {
    const Bucket& here = buckets_[bucket];
    for (size_t at = 0; at < kPlaces; ++at) {
      if (here.keys[at].load(std::memory_order_acquire) != key) continue;
      const SetId holders = here.holders[at].load(std::memory_order_acquire);
      return here.keys[at].load(std::memory_order_relaxed) == key ? holders : kNobody;
    }
    if (here.passed.load(std::memory_order_relaxed) == 0) return kNobody;
    bucket = next(bucket);
  }
  return kNobody;
}

std::optional<BlockTable::Place> BlockTable::find_place(BlockKey key) const {
  return search(home(key), [key](BlockKey other) { return other == key; });
}

std::optional<BlockTable::Place> BlockTable::find_short(uint64_t wanted) const {
  return search(home_of_short(wanted),
                [wanted](BlockKey other) { return other != kFree && short_key(other) == wanted; });
}

/// There is one writer, so that nothing can come between.
void BlockTable::note_passed(size_t bucket, int change) {
  auto& passed = buckets_[bucket].passed;
  passed.store(passed.load(std::memory_order_relaxed) + static_cast<uint32_t>(change),
               std::memory_order_relaxed);
}

void BlockTable::insert(BlockKey key, SetId holders) {
  size_t bucket = home(key);
  const auto find_free = [&]() -> std::optional<size_t> {
    for (size_t at = 0; at < kPlaces; ++at) {
      if (key_at({bucket, at}) == kFree) return at;
    }
    return std::nullopt;
  };
  auto at = find_free();
  for (; !at; at = find_free()) {
    note_passed(bucket, 1);
    bucket = next(bucket);
  }
  set_holders({bucket, *at}, holders);
  buckets_[bucket].keys[*at].store(key, std::memory_order_release);
  ++size_;
}

void BlockTable::erase(Place place) {
  Bucket& here = buckets_[place.bucket];
  const size_t begin = home(key_at(place));
  here.keys[place.at].store(kFree, std::memory_order_relaxed);
  here.holders[place.at].store(kNobody, std::memory_order_release);
  for (size_t bucket = begin; bucket != place.bucket; bucket = next(bucket)) {
    note_passed(bucket, -1);
  }
  --size_;
}

}  // namespace llmd::kv
