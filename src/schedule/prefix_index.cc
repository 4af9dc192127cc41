// SPDX-License-Identifier: Apache-2.0
#include "schedule/prefix_index.h"

#include <algorithm>
#include <array>
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
/// A cache with less room than this counts as full: 4,096 tokens.
constexpr uint64_t kUnitsOfAPrompt = 256;

using Words = std::span<uint64_t>;

bool test(Words words, uint32_t slot) { return (words[slot / 64] >> (slot % 64) & 1) != 0; }
void set(Words words, uint32_t slot) { words[slot / 64] |= uint64_t{1} << (slot % 64); }
void reset(Words words, uint32_t slot) { words[slot / 64] &= ~(uint64_t{1} << (slot % 64)); }

}  // namespace

PrefixIndex::Table::Table(size_t places, size_t width)
    : width_(width),
      mask_(places - 1),
      looked_up_(places * (1 + width)),
      used_again_(places * width) {}

inline size_t PrefixIndex::Table::find(uint64_t hash) const {
  size_t place = home(hash);
  while (hash_at(place) != hash && hash_at(place) != 0) place = next(place);
  return place;
}

/// Reads all first places before it looks at any, so that the processor fetches them side by side.
inline void PrefixIndex::Table::find_holders(std::span<const uint64_t> hashes,
                                             Holders& holders) const {
  std::array<uint64_t, kBatch> at_home;
  for (size_t i = 0; i < hashes.size(); ++i) at_home[i] = hash_at(home(hashes[i]));
  for (size_t i = 0; i < hashes.size(); ++i) {
    const size_t place = at_home[i] == hashes[i] ? home(hashes[i]) : find(hashes[i]);
    const uint64_t* words = &looked_up_[place * (1 + width_)];
    holders[i] = words[0] == 0 ? nullptr : words + 1;
  }
}

PrefixIndex::Entry PrefixIndex::Table::at(size_t place) {
  uint64_t* words = &looked_up_[place * (1 + width_)];
  return {words[0], {words + 1, width_}, {&used_again_[place * width_], width_}};
}

PrefixIndex::PrefixIndex() : table_(kTableSizeMin, 1) {}

void PrefixIndex::match(std::span<const uint64_t> hashes, std::vector<uint32_t>& units) const {
  const size_t width = table_.width();
  units.assign(width * kWordBits, 0);
  Slots going_on;  // whose run goes on
  std::fill_n(going_on.begin(), width, ~uint64_t{0});
  uint32_t matched = 0;
  Table::Holders holders;
  for (size_t i = 0; i < hashes.size(); ++i) {
    const size_t in_batch = i % Table::kBatch;
    if (in_batch == 0) {
      table_.find_holders(hashes.subspan(i, std::min(Table::kBatch, hashes.size() - i)), holders);
    }
    if (holders[in_batch] == nullptr) break;
    const std::span hold(holders[in_batch], width);
    if (!end_runs(hold, going_on, matched, units)) return;
    matched += block_units(hashes[i]);
  }
  end_runs(std::span(kNobody).first(width), going_on, matched, units);
}

/// Notes the length of those runs that do not go on with `holders`. Whether any does.
inline bool PrefixIndex::end_runs(std::span<const uint64_t> holders, Slots& going_on,
                                  uint32_t matched, std::vector<uint32_t>& units) {
  uint64_t ending = 0;
  for (size_t word = 0; word < holders.size(); ++word) ending |= going_on[word] & ~holders[word];
  if (ending == 0) return true;  // mostly: then nothing is written
  uint64_t any = 0;
  for (size_t word = 0; word < holders.size(); ++word) {
    for (uint64_t slots = going_on[word] & ~holders[word]; slots != 0; slots &= slots - 1) {
      units[word * kWordBits + static_cast<size_t>(std::countr_zero(slots))] = matched;
    }
    any |= going_on[word] &= holders[word];
  }
  return any != 0;
}

void PrefixIndex::record(uint32_t slot, std::span<const uint64_t> hashes) {
  Place& place = place_of(slot);
  for (size_t i = hashes.size(); i-- > 0;) {
    const Entry entry = find_or_insert(hashes[i]);
    if (test(entry.holders, slot)) {
      set(entry.used_again, slot);
      continue;
    }
    set(entry.holders, slot);
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
    if (width > table_.width()) rebuild(table_.places(), width);
  }
  return places_[slot];
}

void PrefixIndex::evict(uint32_t slot) {
  Place& place = places_[slot];
  while (place.used_units > place.capacity_units) {
    const uint64_t hash = place.order.front();
    place.order.pop_front();
    const Entry entry = table_.at(table_.find(hash));
    if (test(entry.used_again, slot)) {
      reset(entry.used_again, slot);
      place.order.push_back(hash);
      continue;
    }
    place.used_units -= block_units(hash);
    forget(slot, hash);
  }
}

void PrefixIndex::forget(uint32_t slot, uint64_t hash) {
  const size_t place = table_.find(hash);
  const Entry entry = table_.at(place);
  reset(entry.holders, slot);
  reset(entry.used_again, slot);
  if (std::ranges::all_of(entry.holders, [](uint64_t word) { return word == 0; })) erase(place);
}

PrefixIndex::Entry PrefixIndex::find_or_insert(uint64_t hash) {
  if ((size_ + 1) * 2 > table_.places()) rebuild(table_.places() * 2, table_.width());
  const Entry entry = table_.at(table_.find(hash));
  if (entry.hash == 0) {
    entry.hash = hash;
    ++size_;
  }
  return entry;
}

void PrefixIndex::copy(const Entry& from, const Entry& to) {
  to.hash = from.hash;
  std::ranges::copy(from.holders, to.holders.begin());
  std::ranges::copy(from.used_again, to.used_again.begin());
}

/// Closes the gap by moving back what was pushed past it (Knuth 6.4, algorithm R).
void PrefixIndex::erase(size_t gap) {
  for (size_t place = table_.next(gap); table_.hash_at(place) != 0; place = table_.next(place)) {
    const size_t home = table_.home(table_.hash_at(place));
    if (table_.distance(home, place) < table_.distance(gap, place)) continue;
    copy(table_.at(place), table_.at(gap));
    gap = place;
  }
  const Entry freed = table_.at(gap);
  freed.hash = 0;
  std::ranges::fill(freed.holders, 0);
  std::ranges::fill(freed.used_again, 0);
  --size_;
}

/// Into a table of so many places, each as wide as `width` asks.
void PrefixIndex::rebuild(size_t places, size_t width) {
  Table old = std::exchange(table_, Table(places, width));
  for (size_t from = 0; from < old.places(); ++from) {
    const uint64_t hash = old.hash_at(from);
    if (hash != 0) copy(old.at(from), table_.at(table_.find(hash)));
  }
}

}  // namespace llmd::schedule
