// SPDX-License-Identifier: Apache-2.0
#include "kv/index/engine_keys.h"

#include <utility>

#include "base/random.h"

namespace llmd::kv {
namespace {

constexpr int kTagBits = 48;
constexpr size_t kEntriesMin = 16;
constexpr size_t kLoadPercentMax = 90;

}  // namespace

EngineKeys::Entry EngineKeys::make_entry(uint64_t tag, uint64_t key) {
  return {static_cast<uint32_t>(tag), static_cast<uint32_t>(key), static_cast<uint16_t>(tag >> 32),
          static_cast<uint16_t>(key >> 32)};
}

/// Never 0, which marks a free place.
uint64_t EngineKeys::tag_of(uint64_t hash) {
  const uint64_t tag = mix64(hash) >> (64 - kTagBits);
  return tag == 0 ? 1 : tag;
}

size_t EngineKeys::home(uint64_t tag) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<size_t>((static_cast<Wide>(tag) * entries_.size()) >> kTagBits);
}

size_t EngineKeys::distance(size_t place) const {
  const size_t begin = home(entries_[place].tag());
  return place >= begin ? place - begin : place + entries_.size() - begin;
}

/// Robin Hood hashing (Celis 1986): entries lie in the order of their homes, so that a search ends
/// where an entry is nearer to its home than the wanted one would be.
std::optional<size_t> EngineKeys::find_place(uint64_t tag) const {
  if (size_ == 0) return std::nullopt;
  size_t place = home(tag);
  for (size_t far = 0;; ++far, place = next(place)) {
    const uint64_t found = entries_[place].tag();
    if (found == tag) return place;
    if (found == 0 || distance(place) < far) return std::nullopt;
  }
}

std::optional<uint64_t> EngineKeys::find(uint64_t hash) const {
  const auto place = find_place(tag_of(hash));
  if (!place) return std::nullopt;
  return entries_[*place].key();
}

bool EngineKeys::add(uint64_t hash, uint64_t short_key) {
  const uint64_t tag = tag_of(hash);
  if (const auto place = find_place(tag)) {
    if (entries_[*place].key() != short_key) return false;
    ++copies_[tag];
    return true;
  }
  if ((size_ + 1) * 100 > entries_.size() * kLoadPercentMax) grow();
  insert(make_entry(tag, short_key));
  ++size_;
  return true;
}

std::optional<uint64_t> EngineKeys::remove(uint64_t hash) {
  const uint64_t tag = tag_of(hash);
  const auto place = find_place(tag);
  if (!place) return std::nullopt;
  if (const auto copies = copies_.find(tag); copies != copies_.end()) {
    if (--copies->second == 0) copies_.erase(copies);
    return std::nullopt;
  }
  const uint64_t key = entries_[*place].key();
  erase(*place);
  --size_;
  return key;
}

void EngineKeys::insert(Entry entry) {
  size_t place = home(entry.tag());
  for (size_t far = 0; entries_[place].tag() != 0; ++far, place = next(place)) {
    if (const size_t other = distance(place); other < far) {
      std::swap(entry, entries_[place]);
      far = other;
    }
  }
  entries_[place] = entry;
}

/// Moves those behind one place nearer to their homes.
void EngineKeys::erase(size_t place) {
  for (size_t after = next(place); entries_[after].tag() != 0 && distance(after) > 0;
       place = after, after = next(after)) {
    entries_[place] = entries_[after];
  }
  entries_[place] = {};
}

void EngineKeys::grow() {
  std::vector<Entry> old = std::exchange(entries_, {});
  entries_.resize(kEntriesMin + old.size() + old.size() / 5);
  for (const Entry& entry : old) {
    if (entry.tag() != 0) insert(entry);
  }
}

}  // namespace llmd::kv
