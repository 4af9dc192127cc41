// SPDX-License-Identifier: Apache-2.0
#include "kv/index/block_table.h"

#include <sys/mman.h>

#include <new>

#include "base/check.h"

namespace llmd::kv {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;
constexpr size_t kPageBytes = 4096;

}  // namespace

BlockTable::BlockTable(size_t buckets_min)
    : count_(rounded(buckets_min)), buckets_(map(count_), {count_}) {}

/// Large tables fill whole huge pages.
size_t BlockTable::rounded(size_t buckets) {
  constexpr size_t kInPage = kHugePageBytes / sizeof(Bucket);
  return buckets <= kInPage ? buckets : (buckets + kInPage - 1) / kInPage * kInPage;
}

/// Almost every place that a lookup reads lies in another page: with pages of 4 KiB it takes twice
/// as long (18 instead of 10 ns a block in a table of 40 MiB). Mapped here, as memory that malloc
/// hands out again keeps its small pages.
BlockTable::Bucket* BlockTable::map(size_t count) {
  const size_t bytes = count * sizeof(Bucket);
  const size_t room = bytes + kHugePageBytes;
  void* const mapped =
      mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  LLMD_CHECK(mapped != MAP_FAILED);
  auto* const begin = static_cast<std::byte*>(mapped);
  const size_t before =
      (kHugePageBytes - reinterpret_cast<uintptr_t>(begin) % kHugePageBytes) % kHugePageBytes;
  if (before > 0) munmap(begin, before);
  const size_t used = (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  munmap(begin + before + used, room - before - used);
  madvise(begin + before, used, MADV_HUGEPAGE);
  return new (begin + before) Bucket[count];  // zero, as mapped
}

void BlockTable::Unmap::operator()(Bucket* buckets) const {
  munmap(buckets, (count * sizeof(Bucket) + kPageBytes - 1) / kPageBytes * kPageBytes);
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
