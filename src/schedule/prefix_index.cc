// SPDX-License-Identifier: Apache-2.0
#include "schedule/prefix_index.h"

#include <algorithm>
#include <array>
#include <bit>

#include "schedule/prefix_hash.h"

namespace llmd::schedule {
namespace {

constexpr size_t kTableSizeMin = 1024;
/// About a million tokens, where an engine does not say.
constexpr uint64_t kDefaultCapacityUnits = 65536;
/// Bounds memory whatever an engine claims: 16 million tokens.
constexpr uint64_t kCapacityUnitsMax = uint64_t{1} << 20;
/// A cache with less room than this counts as full: 4,096 tokens.
constexpr uint64_t kUnitsOfAPrompt = 256;
/// How many probes are under way at once.
constexpr size_t kPrefetchAhead = 8;

bool test(const uint64_t* words, uint32_t slot) {
  return (words[slot / 64] >> (slot % 64) & 1) != 0;
}
void set(uint64_t* words, uint32_t slot) { words[slot / 64] |= uint64_t{1} << (slot % 64); }
void reset(uint64_t* words, uint32_t slot) { words[slot / 64] &= ~(uint64_t{1} << (slot % 64)); }

}  // namespace

bool PrefixIndex::Entry::is_held() const {
  return std::any_of(holders(), holders() + width_, [](uint64_t word) { return word != 0; });
}

PrefixIndex::PrefixIndex() : table_(kTableSizeMin * stride()) {}

void PrefixIndex::match(std::span<const uint64_t> hashes, std::vector<uint32_t>& units) const {
  units.assign(width_ * kWordBits, 0);
  std::array<uint64_t, kWordsMax> live;
  std::fill_n(live.begin(), width_, ~uint64_t{0});
  const auto settle = [&](size_t word, uint64_t slots, uint32_t matched) {
    for (; slots != 0; slots &= slots - 1) {
      units[word * kWordBits + static_cast<size_t>(std::countr_zero(slots))] = matched;
    }
  };
  uint32_t matched = 0;
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (i + kPrefetchAhead < hashes.size()) {
      __builtin_prefetch(&table_[home(hashes[i + kPrefetchAhead]) * stride()]);
    }
    const uint64_t* holders = find_holders(hashes[i]);
    uint64_t any = 0;
    for (size_t word = 0; word < width_; ++word) {
      const uint64_t next = holders == nullptr ? 0 : live[word] & holders[word];
      settle(word, live[word] & ~next, matched);
      any |= live[word] = next;
    }
    if (any == 0) return;
    matched += block_units(hashes[i]);
  }
  for (size_t word = 0; word < width_; ++word) settle(word, live[word], matched);
}

void PrefixIndex::record(uint32_t slot, std::span<const uint64_t> hashes) {
  Place& place = place_of(slot);
  for (size_t i = hashes.size(); i-- > 0;) {
    const Entry entry = find_or_insert(hashes[i]);
    if (test(entry.holders(), slot)) {
      set(entry.used_again(), slot);
      continue;
    }
    set(entry.holders(), slot);
    place.order.push_back(hashes[i]);
    place.used_units += block_units(hashes[i]);
  }
  evict(slot);
}

void PrefixIndex::set_capacity(uint32_t slot, uint64_t units) {
  place_of(slot).capacity_units =
      units == 0 ? kDefaultCapacityUnits : std::min(units, kCapacityUnitsMax);
  evict(slot);
}

void PrefixIndex::clear(uint32_t slot) {
  if (slot >= places_.size()) return;
  Place& place = places_[slot];
  for (const uint64_t hash : place.order) forget(slot, hash);
  place = Place{{}, 0, kDefaultCapacityUnits};
}

bool PrefixIndex::is_full(uint32_t slot) const {
  if (slot >= places_.size()) return false;
  const Place& place = places_[slot];
  return place.used_units + kUnitsOfAPrompt > place.capacity_units;
}

PrefixIndex::Place& PrefixIndex::place_of(uint32_t slot) {
  if (slot >= places_.size()) {
    places_.resize(slot + 1, Place{{}, 0, kDefaultCapacityUnits});
    const size_t width = slot / kWordBits + 1;
    if (width > width_) rebuild(places(), width);
  }
  return places_[slot];
}

void PrefixIndex::evict(uint32_t slot) {
  Place& place = places_[slot];
  while (place.used_units > place.capacity_units) {
    const uint64_t hash = place.order.front();
    place.order.pop_front();
    const Entry entry = at(find(hash));
    if (test(entry.used_again(), slot)) {
      reset(entry.used_again(), slot);
      place.order.push_back(hash);
      continue;
    }
    place.used_units -= block_units(hash);
    forget(slot, hash);
  }
}

void PrefixIndex::forget(uint32_t slot, uint64_t hash) {
  const size_t place = find(hash);
  const Entry entry = at(place);
  reset(entry.holders(), slot);
  reset(entry.used_again(), slot);
  if (!entry.is_held()) erase(place);
}

/// Where the hash is, or the free place where it would be.
size_t PrefixIndex::find(uint64_t hash) const {
  size_t place = home(hash);
  while (hash_at(place) != hash && hash_at(place) != 0) place = (place + 1) & (places() - 1);
  return place;
}

const uint64_t* PrefixIndex::find_holders(uint64_t hash) const {
  const uint64_t* words = &table_[find(hash) * stride()];
  return words[0] == 0 ? nullptr : words + 1;
}

PrefixIndex::Entry PrefixIndex::find_or_insert(uint64_t hash) {
  if ((size_ + 1) * 3 > places() * 2) rebuild(places() * 2, width_);
  const Entry entry = at(find(hash));
  if (entry.hash() == 0) {
    entry.hash() = hash;
    ++size_;
  }
  return entry;
}

/// Closes the gap by moving back what was pushed past it (Knuth 6.4, algorithm R).
void PrefixIndex::erase(size_t gap) {
  const size_t mask = places() - 1;
  for (size_t place = (gap + 1) & mask; hash_at(place) != 0; place = (place + 1) & mask) {
    const size_t distance_from_home = (place - home(hash_at(place))) & mask;
    if (distance_from_home < ((place - gap) & mask)) continue;
    std::copy_n(&table_[place * stride()], stride(), &table_[gap * stride()]);
    gap = place;
  }
  std::fill_n(&table_[gap * stride()], stride(), 0);
  --size_;
}

/// Into a table of so many places, each as wide as `width` asks.
void PrefixIndex::rebuild(size_t places, size_t width) {
  const size_t old_width = width_;
  const size_t old_stride = stride();
  width_ = width;
  std::vector<uint64_t> old(places * stride());
  old.swap(table_);
  for (size_t from = 0; from < old.size(); from += old_stride) {
    if (old[from] == 0) continue;
    const Entry entry = at(find(old[from]));
    entry.hash() = old[from];
    std::copy_n(&old[from + 1], old_width, entry.holders());
    std::copy_n(&old[from + 1 + old_width], old_width, entry.used_again());
  }
}

}  // namespace llmd::schedule
