// SPDX-License-Identifier: Apache-2.0
#include "kv/index/block_table.h"

#include <sys/mman.h>

#include <new>

#include "base/check.h"

namespace llmd::kv {

BlockTable::BlockTable(size_t buckets) : count_(buckets), buckets_(allocate(buckets)) {}

/// In huge pages where there are any: a lookup then takes two thirds of the time, as almost every
/// place that it reads lies in another page.
BlockTable::Bucket* BlockTable::allocate(size_t count) {
  constexpr size_t kHugePage = size_t{2} << 20;
  const size_t bytes = count * sizeof(Bucket);
  void* memory = nullptr;
  const size_t alignment = bytes < kHugePage ? alignof(Bucket) : kHugePage;
  LLMD_CHECK(posix_memalign(&memory, alignment, bytes) == 0);
  if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
  return new (memory) Bucket[count]();
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
