// SPDX-License-Identifier: Apache-2.0
#include "schedule/prefix_index.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "schedule/prefix_hash.h"

namespace llmd::schedule {
namespace {

constexpr size_t kTableSizeMin = 1024;
/// About a million tokens, where an engine does not say.
constexpr uint64_t kDefaultCapacityUnits = 65536;
/// Bounds memory whatever an engine claims: 16 million tokens.
constexpr uint64_t kCapacityUnitsMax = uint64_t{1} << 20;
/// How many probes are under way at once.
constexpr size_t kPrefetchAhead = 8;

}  // namespace

bool PrefixIndex::Slots::none() const {
  return std::all_of(words.begin(), words.end(), [](uint64_t word) { return word == 0; });
}

PrefixIndex::PrefixIndex() : table_(kTableSizeMin) {
  for (Place& place : places_) place.capacity_units = kDefaultCapacityUnits;
}

void PrefixIndex::match(std::span<const uint64_t> hashes, UnitsBySlot& units) const {
  units.fill(0);
  Slots live;
  live.words.fill(~uint64_t{0});
  uint32_t matched = 0;
  for (size_t i = 0; i < hashes.size() && !live.none(); ++i) {
    if (i + kPrefetchAhead < hashes.size()) {
      __builtin_prefetch(&table_[home(hashes[i + kPrefetchAhead])]);
    }
    const Entry* entry = find(hashes[i]);
    for (size_t word = 0; word < kWords; ++word) {
      const uint64_t next = entry == nullptr ? 0 : live.words[word] & entry->holders.words[word];
      for (uint64_t left = live.words[word] & ~next; left != 0; left &= left - 1) {
        units[word * 64 + static_cast<size_t>(std::countr_zero(left))] = matched;
      }
      live.words[word] = next;
    }
    matched += block_units(hashes[i]);
  }
  for (size_t word = 0; word < kWords; ++word) {
    for (uint64_t left = live.words[word]; left != 0; left &= left - 1) {
      units[word * 64 + static_cast<size_t>(std::countr_zero(left))] = matched;
    }
  }
}

void PrefixIndex::record(uint32_t slot, std::span<const uint64_t> hashes) {
  Place& place = places_[slot];
  for (size_t i = hashes.size(); i-- > 0;) {
    Entry& entry = find_or_insert(hashes[i]);
    if (entry.holders.test(slot)) {
      entry.used_again.set(slot);
      continue;
    }
    entry.holders.set(slot);
    place.order.push_back(hashes[i]);
    place.used_units += block_units(hashes[i]);
  }
  evict(slot);
}

void PrefixIndex::set_capacity(uint32_t slot, uint64_t units) {
  places_[slot].capacity_units =
      units == 0 ? kDefaultCapacityUnits : std::min(units, kCapacityUnitsMax);
  evict(slot);
}

void PrefixIndex::clear(uint32_t slot) {
  Place& place = places_[slot];
  for (const uint64_t hash : place.order) forget(slot, hash);
  place = Place{.order = {}, .used_units = 0, .capacity_units = kDefaultCapacityUnits};
}

void PrefixIndex::evict(uint32_t slot) {
  Place& place = places_[slot];
  while (place.used_units > place.capacity_units) {
    const uint64_t hash = place.order.front();
    place.order.pop_front();
    Entry* entry = find(hash);
    if (entry->used_again.test(slot)) {
      entry->used_again.reset(slot);
      place.order.push_back(hash);
      continue;
    }
    place.used_units -= block_units(hash);
    forget(slot, hash);
  }
}

void PrefixIndex::forget(uint32_t slot, uint64_t hash) {
  Entry* entry = find(hash);
  entry->holders.reset(slot);
  entry->used_again.reset(slot);
  if (entry->holders.none()) erase(entry);
}

const PrefixIndex::Entry* PrefixIndex::find(uint64_t hash) const {
  for (size_t at = home(hash);; at = (at + 1) & (table_.size() - 1)) {
    if (table_[at].hash == hash) return &table_[at];
    if (table_[at].hash == 0) return nullptr;
  }
}

PrefixIndex::Entry* PrefixIndex::find(uint64_t hash) {
  return const_cast<Entry*>(std::as_const(*this).find(hash));
}

PrefixIndex::Entry& PrefixIndex::find_or_insert(uint64_t hash) {
  if ((size_ + 1) * 3 > table_.size() * 2) grow();
  size_t at = home(hash);
  while (table_[at].hash != 0 && table_[at].hash != hash) at = (at + 1) & (table_.size() - 1);
  if (table_[at].hash == 0) {
    table_[at].hash = hash;
    ++size_;
  }
  return table_[at];
}

/// Closes the gap by moving back what was pushed past it (Knuth 6.4, algorithm R).
void PrefixIndex::erase(Entry* entry) {
  const size_t mask = table_.size() - 1;
  auto gap = static_cast<size_t>(entry - table_.data());
  for (size_t at = (gap + 1) & mask; table_[at].hash != 0; at = (at + 1) & mask) {
    const size_t distance_from_home = (at - home(table_[at].hash)) & mask;
    if (distance_from_home < ((at - gap) & mask)) continue;
    table_[gap] = table_[at];
    gap = at;
  }
  table_[gap] = Entry{};
  --size_;
}

void PrefixIndex::grow() {
  std::vector<Entry> old(table_.size() * 2);
  old.swap(table_);
  for (const Entry& entry : old) {
    if (entry.hash == 0) continue;
    size_t at = home(entry.hash);
    while (table_[at].hash != 0) at = (at + 1) & (table_.size() - 1);
    table_[at] = entry;
  }
}

}  // namespace llmd::schedule
