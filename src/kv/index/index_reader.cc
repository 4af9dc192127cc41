// SPDX-License-Identifier: Apache-2.0
#include "kv/index/index_reader.h"

#include <algorithm>
#include <bit>

namespace llmd::kv {
namespace {

/// Keys whose places are being fetched while one is looked at.
constexpr size_t kAhead = 32;

template <typename Each>
void for_lanes(uint64_t bits, size_t word, Each each) {
  for (; bits != 0; bits &= bits - 1) {
    each(static_cast<Lane>(word * 64 + static_cast<size_t>(std::countr_zero(bits))));
  }
}

}  // namespace

IndexReader::IndexReader(BlockIndex& index) : index_(index), place_(index.epochs_.join()) {}

IndexReader::~IndexReader() { index_.epochs_.leave(place_); }

std::span<const Match> IndexReader::match(std::span<const BlockKey> keys) {
  index_.epochs_.begin_reading(place_);
  sets_ = index_.sets_.load(std::memory_order_acquire);
  begin(sets_->words());
  read_planes();
  read_runs(keys);
  finish(runs_.empty() ? 0 : runs_.back().end);
  index_.epochs_.end_reading(place_);
  return matches_;
}

void IndexReader::begin(size_t words) {
  words_ = words;
  runs_.clear();
  matches_.clear();
  for (size_t word = 0; word < words; ++word) {
    going_on_[word] = index_.open_[word].load(std::memory_order_acquire);
    matched_[word] = 0;
    for (Lanes& tier : in_tier_) tier[word] = 0;
  }
}

void IndexReader::read_planes() {
  planes_ = {};
  planes_.count = index_.plane_count_.load(std::memory_order_acquire);
  for (size_t i = 0; i < planes_.count; ++i) {
    const Plane& plane = planes_.planes[i] = index_.planes_[i];
    planes_.has_windows = planes_.has_windows || plane.window_blocks > 0;
    planes_.has_groups = planes_.has_groups || plane.group != planes_.planes[0].group;
  }
}

void IndexReader::read_runs(std::span<const BlockKey> keys) {
  for (const BlockKey key : keys.first(std::min(kAhead, keys.size()))) table_of(key).prefetch(key);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i + kAhead < keys.size()) table_of(keys[i + kAhead]).prefetch(keys[i + kAhead]);
    const SetId holders = table_of(keys[i]).find(keys[i]);
    if (holders == kNobody) return;
    if (!runs_.empty() && runs_.back().holders == holders) {
      ++runs_.back().end;
    } else if (!add_run(holders, static_cast<uint32_t>(i))) {
      return;
    }
  }
}

/// Whether anybody goes on with these holders. The sets are looked up after the id that leads to
/// them, so that they are never older.
bool IndexReader::add_run(SetId holders, uint32_t at) {
  sets_ = index_.sets_.load(std::memory_order_acquire);
  InTier now;
  find_tiers(sets_->words_of(holders), now);
  if (planes_.has_groups) drop_incomplete(sets_->words_of(holders), now);
  uint64_t any = 0;
  for (size_t word = 0; word < words_; ++word) {
    const uint64_t before = going_on_[word];
    uint64_t left = before;
    for (Lanes& tier : now) {
      tier[word] &= left;
      left &= ~tier[word];
    }
    any |= going_on_[word] = before & ~left;
  }
  settle(now, at);
  if (any == 0) return false;
  runs_.push_back({holders, at + 1});
  return true;
}

/// By tier, who holds the block for a group of layers that attends to everything.
void IndexReader::find_tiers(const uint64_t* holders, InTier& now) const {
  for (Lanes& tier : now) std::fill_n(tier.begin(), words_, 0);
  for (size_t plane = 0; plane < planes_.count; ++plane) {
    if (planes_.planes[plane].window_blocks > 0) continue;
    or_plane(holders, plane, now[static_cast<size_t>(planes_.planes[plane].tier)]);
  }
}

void IndexReader::or_plane(const uint64_t* holders, size_t plane, Lanes& lanes) const {
  if (plane >= sets_->planes()) return;
  const uint64_t* words = holders + plane * sets_->words();
  for (size_t word = 0; word < words_; ++word) lanes[word] |= words[word];
}

/// A lane with several such groups holds the block if each of them does.
void IndexReader::drop_incomplete(const uint64_t* holders, InTier& now) const {
  for (size_t first = 0; first < planes_.count; ++first) {
    if (planes_.planes[first].window_blocks > 0) continue;
    Lanes held;
    Lanes used;
    std::fill_n(held.begin(), words_, 0);
    std::fill_n(used.begin(), words_, 0);
    for (size_t plane = first; plane < planes_.count; ++plane) {
      if (planes_.planes[plane].group != planes_.planes[first].group) continue;
      or_plane(holders, plane, held);
      for (size_t word = 0; word < words_; ++word) used[word] |= index_.used_[plane][word].load();
    }
    for (Lanes& tier : now) {
      for (size_t word = 0; word < words_; ++word) tier[word] &= held[word] | ~used[word];
    }
  }
}

/// Block `at` and those that follow lie where `now` says; only lanes whose place changes cost
/// anything.
void IndexReader::settle(const InTier& now, uint32_t at) {
  for (size_t tier = 0; tier < kTiers; ++tier) {
    for (size_t word = 0; word < words_; ++word) {
      for_lanes(in_tier_[tier][word] & ~now[tier][word], word,
                [&](Lane lane) { blocks_[lane][tier] += at - since_[lane]; });
    }
  }
  for (size_t tier = 0; tier < kTiers; ++tier) {
    for (size_t word = 0; word < words_; ++word) {
      for_lanes(now[tier][word] & ~in_tier_[tier][word], word, [&](Lane lane) {
        since_[lane] = at;
        if (at == 0) blocks_[lane] = {};
      });
      if (at == 0) matched_[word] |= now[tier][word];
      in_tier_[tier][word] = now[tier][word];
    }
  }
}

void IndexReader::finish(uint32_t length) {
  InTier nobody;
  for (Lanes& tier : nobody) std::fill_n(tier.begin(), words_, 0);
  settle(nobody, length);
  for (size_t word = 0; word < words_; ++word) {
    for_lanes(matched_[word], word, [&](Lane lane) {
      Match match{.endpoint = index_.endpoints_[lane].load(std::memory_order_relaxed),
                  .blocks = blocks_[lane]};
      if (planes_.has_windows) shorten(match, fit_windows(lane, match.length()));
      if (match.length() > 0) matches_.push_back(match);
    });
  }
}

/// The longest prefix, of at most `length` blocks, whose last blocks every window has.
uint32_t IndexReader::fit_windows(Lane lane, uint32_t length) const {
  for (bool fits = false; !fits && length > 0;) {
    fits = true;
    for (size_t plane = 0; plane < planes_.count; ++plane) {
      const bool is_used = (index_.used_[plane][lane / 64].load() >> (lane % 64) & 1) != 0;
      if (planes_.planes[plane].window_blocks == 0 || !is_used) continue;
      const uint32_t fit = fit_window(lane, plane, length);
      fits = fits && fit == length;
      length = fit;
    }
  }
  return length;
}

/// Goes back from `length` until as many blocks as the window holds, or all, lie in one piece.
uint32_t IndexReader::fit_window(Lane lane, size_t plane, uint32_t length) const {
  uint32_t end = length;  // of the piece
  for (size_t i = runs_.size(); i-- > 0;) {
    const uint32_t begin = i == 0 ? 0 : runs_[i - 1].end;
    if (begin >= end) continue;
    if (!holds(runs_[i].holders, planes_.planes[plane].group, lane)) {
      end = begin;
    } else if (end - begin >= planes_.planes[plane].window_blocks) {
      return end;
    }
  }
  return end;
}

/// In any tier.
bool IndexReader::holds(SetId holders, uint32_t group, Lane lane) const {
  for (size_t plane = 0; plane < std::min(planes_.count, sets_->planes()); ++plane) {
    if (planes_.planes[plane].group == group && sets_->contains(holders, plane, lane)) return true;
  }
  return false;
}

/// Takes what is too much from the slowest tiers.
void IndexReader::shorten(Match& match, uint32_t length) {
  uint32_t excess = match.length() - length;
  for (size_t tier = kTiers; tier-- > 0;) {
    const uint32_t off = std::min(match.blocks[tier], excess);
    match.blocks[tier] -= off;
    excess -= off;
  }
}

}  // namespace llmd::kv
