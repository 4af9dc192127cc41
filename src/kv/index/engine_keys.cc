// SPDX-License-Identifier: Apache-2.0
#include "kv/index/engine_keys.h"

#include <algorithm>
#include <utility>

#include "base/random.h"

namespace llmd::kv {
namespace {

constexpr int kTagBits = 48;
constexpr size_t kHomesMin = 16;
/// Behind the last home, for entries that are not at theirs; more where they need it.
constexpr size_t kOverflow = 64;
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

/// Rises with the tag.
size_t EngineKeys::home(uint64_t tag) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<size_t>((static_cast<Wide>(tag) * homes_) >> kTagBits);
}

/// Where the tag is, or would be put. Ordered linear probing (Amble and Knuth 1974): a search ends
/// at the first tag that is not smaller, and computes no other entry's home.
size_t EngineKeys::place_of(uint64_t tag) const {
  size_t place = home(tag);
  while (entries_[place].tag() != 0 && entries_[place].tag() < tag) ++place;
  return place;
}

std::optional<size_t> EngineKeys::find_place(uint64_t tag) const {
  if (size_ == 0) return std::nullopt;
  const size_t place = place_of(tag);
  if (entries_[place].tag() != tag) return std::nullopt;
  return place;
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
  if ((size_ + 1) * 100 > homes_ * kLoadPercentMax) grow();
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
  const size_t place = place_of(entry.tag());
  size_t free = place;
  while (entries_[free].tag() != 0) ++free;
  std::move_backward(entries_.begin() + place, entries_.begin() + free,
                     entries_.begin() + free + 1);
  entries_[place] = entry;
  if (free + 1 < entries_.size()) return;
  entries_.reserve(entries_.size() + kOverflow);  // no more than that
  entries_.resize(entries_.size() + kOverflow);
}

/// Those behind it that are not at home move up.
void EngineKeys::erase(size_t place) {
  size_t end = place + 1;
  while (entries_[end].tag() != 0 && home(entries_[end].tag()) < end) ++end;
  std::move(entries_.begin() + place + 1, entries_.begin() + end, entries_.begin() + place);
  entries_[end - 1] = {};
}

void EngineKeys::grow() {
  const std::vector<Entry> old = std::exchange(entries_, {});
  homes_ += kHomesMin + homes_ / 5;
  entries_.resize(homes_ + kOverflow);
  for (const Entry& entry : old) {
    if (entry.tag() != 0) insert(entry);
  }
}

}  // namespace llmd::kv
