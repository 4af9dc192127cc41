// SPDX-License-Identifier: Apache-2.0
#include "kv/index/block_index.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"

namespace llmd::kv {
namespace {

constexpr size_t kBucketsMin = 4;
/// A table grows by a fifth, which keeps it at 71 to 85 % of its places.
constexpr size_t grown(size_t buckets) { return buckets + buckets / 5 + 1; }
/// Cleared in one call of sweep(): some 20 µs.
constexpr size_t kBucketsPerSweep = 256;

constexpr uint64_t bit_of(Lane lane) { return uint64_t{1} << (lane % 64); }

void change(std::atomic<uint64_t>& word, uint64_t value) {
  word.store(value, std::memory_order_release);
}

}  // namespace

BlockIndex::BlockIndex() : sets_(new HolderSets(1, 1)) {
  for (auto& table : tables_) table.store(new BlockTable(kBucketsMin));
  for (auto& word : open_) word.store(0);
  for (auto& plane : used_) {
    for (auto& word : plane) word.store(0);
  }
}

BlockIndex::~BlockIndex() {
  for (auto& table : tables_) delete table.load();
  delete sets_.load();
}

std::optional<Lane> BlockIndex::open(uint32_t endpoint) {
  free_what_nobody_reads();
  Lane lane = next_lane_;
  if (!free_lanes_.empty()) {
    lane = free_lanes_.back();
    free_lanes_.pop_back();
  } else if (next_lane_ == kLanesMax) {
    return std::nullopt;
  } else {
    ++next_lane_;
  }
  const HolderSets& sets = holder_sets();
  if (lane / 64 >= sets.words()) widen(sets.planes(), lane / 64 + 1);
  endpoints_[lane].store(endpoint, std::memory_order_relaxed);
  change(open_[lane / 64], open_[lane / 64].load() | bit_of(lane));
  return lane;
}

void BlockIndex::close(Lane lane) {
  change(open_[lane / 64], open_[lane / 64].load() & ~bit_of(lane));
  closed_[lane / 64] |= bit_of(lane);
}

std::optional<size_t> BlockIndex::plane_of(const Plane& plane) {
  const size_t count = plane_count_.load(std::memory_order_relaxed);
  const auto end = planes_.begin() + static_cast<std::ptrdiff_t>(count);
  const auto found = std::find(planes_.begin(), end, plane);
  if (found != end) return static_cast<size_t>(found - planes_.begin());
  if (count == kPlanesMax) return std::nullopt;
  planes_[count] = plane;
  if (count + 1 > holder_sets().planes()) widen(count + 1, holder_sets().words());
  plane_count_.store(count + 1, std::memory_order_release);
  return count;
}

void BlockIndex::widen(size_t planes, size_t words) {
  auto wider = std::make_unique<HolderSets>(holder_sets(), planes, words);
  std::unique_ptr<HolderSets> narrow(sets_.exchange(wider.release()));
  old_.push_back({nullptr, std::move(narrow), epochs_.advance()});
}

void BlockIndex::grow(size_t shard) {
  BlockTable& small = table(shard);
  auto large = std::make_unique<BlockTable>(grown(small.buckets()));
  for (size_t bucket = 0; bucket < small.buckets(); ++bucket) {
    small.for_bucket(bucket, [&](BlockTable::Place place) {
      large->insert(small.key_at(place), small.holders_at(place));
    });
  }
  if (shard == sweep_shard_) sweep_bucket_ = 0;  // entries moved: none may slip by
  std::unique_ptr<BlockTable> old(tables_[shard].exchange(large.release()));
  old_.push_back({std::move(old), nullptr, epochs_.advance()});
}

bool BlockIndex::add(BlockKey key, Lane lane, size_t plane) {
  const size_t shard = shard_of(key);
  auto& used = used_[plane][lane / 64];
  if ((used.load(std::memory_order_relaxed) & bit_of(lane)) == 0) {
    change(used, used.load() | bit_of(lane));
  }
  HolderSets& sets = holder_sets();
  if (const auto place = table(shard).find_place(key)) {
    const SetId holders = table(shard).holders_at(*place);
    if (sets.contains(holders, plane, lane)) return false;
    table(shard).set_holders(*place, sets.flip(holders, plane, lane));
    return true;
  }
  if (table(shard).is_full()) grow(shard);
  table(shard).insert(key, sets.flip(kNobody, plane, lane));
  return true;
}

bool BlockIndex::remove(uint64_t short_key, Lane lane, size_t plane) {
  BlockTable& table = this->table(shard_of_short(short_key));
  const auto place = table.find_short(short_key);
  if (!place) return false;
  const SetId holders = table.holders_at(*place);
  if (!holder_sets().contains(holders, plane, lane)) return false;
  const SetId rest = holder_sets().flip(holders, plane, lane);
  if (rest == kNobody) {
    table.erase(*place);
  } else {
    table.set_holders(*place, rest);
  }
  return true;
}

std::optional<BlockKey> BlockIndex::find_key(uint64_t short_key) const {
  const BlockTable& table = this->table(shard_of_short(short_key));
  const auto place = table.find_short(short_key);
  if (!place) return std::nullopt;
  return table.key_at(*place);
}

void BlockIndex::sweep() {
  if (!sweeps_) begin_sweep();
  for (size_t i = 0; sweeps_ && i < kBucketsPerSweep; ++i) {
    BlockTable& table = this->table(sweep_shard_);
    if (sweep_bucket_ < table.buckets()) {
      sweep_bucket(table, sweep_bucket_++);
    } else {
      sweep_bucket_ = 0;
      if (++sweep_shard_ == kShards) finish_sweep();
    }
  }
  free_what_nobody_reads();
}

void BlockIndex::begin_sweep() {
  if (std::ranges::all_of(closed_, [](uint64_t word) { return word == 0; })) return;
  sweeping_ = std::exchange(closed_, Lanes{});
  sweeps_ = true;
  sweep_shard_ = sweep_bucket_ = 0;
}

void BlockIndex::sweep_bucket(BlockTable& table, size_t bucket) {
  HolderSets& sets = holder_sets();
  const std::span lanes(sweeping_.data(), sets.words());
  table.for_bucket(bucket, [&](BlockTable::Place place) {
    const SetId holders = table.holders_at(place);
    if (!sets.has_any(holders, lanes)) return;
    const SetId rest = sets.without(holders, lanes);
    if (rest == kNobody) {
      table.erase(place);
    } else {
      table.set_holders(place, rest);
    }
  });
}

void BlockIndex::finish_sweep() {
  sweeps_ = false;
  const uint64_t epoch = epochs_.advance();
  for (size_t word = 0; word < sweeping_.size(); ++word) {
    for (uint64_t lanes = sweeping_[word]; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<Lane>(word * 64) + static_cast<Lane>(std::countr_zero(lanes));
      for (auto& plane : used_) change(plane[word], plane[word].load() & ~bit_of(lane));
      resting_lanes_.push_back({lane, epoch});
    }
  }
  sweeping_ = {};
}

void BlockIndex::free_what_nobody_reads() {
  holder_sets().reclaim(epochs_);
  if (old_.empty() && resting_lanes_.empty()) return;
  const uint64_t oldest = epochs_.oldest();
  std::erase_if(old_, [oldest](const Old& each) { return each.epoch <= oldest; });
  while (!resting_lanes_.empty() && resting_lanes_.front().epoch <= oldest) {
    free_lanes_.push_back(resting_lanes_.front().lane);
    resting_lanes_.pop_front();
  }
}

size_t BlockIndex::blocks() const {
  size_t blocks = 0;
  for (size_t shard = 0; shard < kShards; ++shard) blocks += table(shard).size();
  return blocks;
}

size_t BlockIndex::sets() const { return holder_sets().size(); }

size_t BlockIndex::bytes() const {
  size_t bytes = holder_sets().bytes();
  for (size_t shard = 0; shard < kShards; ++shard) bytes += table(shard).bytes();
  return bytes;
}

}  // namespace llmd::kv
