// SPDX-License-Identifier: Apache-2.0
#include "schedule/recent_placements.h"

#include <algorithm>

namespace llmd::schedule {
namespace {

constexpr size_t kPlacementsMax = 4096;
constexpr size_t kKeysMax = size_t{4} << 20;  ///< 32 MiB

using Keys = std::span<const kv::BlockKey>;

/// How many keys agree from the first one on: equal keys have equal parents.
uint32_t common_blocks(Keys one, Keys other) {
  const size_t count = std::min(one.size(), other.size());
  size_t equal = 0;
  for (size_t beyond = count; equal < beyond;) {
    const size_t middle = equal + (beyond - equal + 1) / 2;
    if (one[middle - 1] == other[middle - 1]) {
      equal = middle;
    } else {
      beyond = middle - 1;
    }
  }
  return static_cast<uint32_t>(equal);
}

}  // namespace

void RecentPlacements::add(uint32_t slot, Keys keys, TimePoint now) {
  if (keys.empty() || keys.size() > kKeysMax) return;
  while (placements_.size() >= kPlacementsMax || keys_ + keys.size() > kKeysMax) drop_oldest();
  placements_.push_back({slot, now, {keys.begin(), keys.end()}});
  keys_ += keys.size();
}

void RecentPlacements::drop_oldest() {
  keys_ -= placements_.front().keys.size();
  placements_.pop_front();
}

void RecentPlacements::forget(uint32_t slot) {
  std::erase_if(placements_, [&](const Placement& each) {
    if (each.slot == slot) keys_ -= each.keys.size();
    return each.slot == slot;
  });
}

void RecentPlacements::raise(Keys keys, TimePoint now, std::vector<uint32_t>& blocks) {
  while (!placements_.empty() && now - placements_.front().at > lifetime_) drop_oldest();
  for (const Placement& each : placements_) {
    if (keys.empty() || each.keys.front() != keys.front()) continue;
    if (each.slot >= blocks.size()) blocks.resize(each.slot + 1);
    blocks[each.slot] = std::max(blocks[each.slot], common_blocks(keys, each.keys));
  }
}

}  // namespace llmd::schedule
