// SPDX-License-Identifier: Apache-2.0
#include "kv/index/holder_sets.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "base/random.h"

namespace llmd::kv {

HolderSets::HolderSets(size_t planes, size_t words)
    : planes_(planes), words_(words), buckets_(kFirstChunk, kNobody), scratch_(planes * words) {
  const SetId nobody = new_id();
  LLMD_CHECK(nobody == kNobody);
  ++refs_[nobody];  // never dies, and is in no bucket
}

HolderSets::HolderSets(const HolderSets& other, size_t planes, size_t words)
    : planes_(planes),
      words_(words),
      refs_(other.refs_),
      next_(other.refs_.size(), kNobody),
      lives_(other.refs_.size(), Life::kAlive),
      buckets_(other.buckets_.size(), kNobody),
      free_(other.free_),
      scratch_(planes * words) {
  LLMD_CHECK(planes >= other.planes_ && words >= other.words_);
  for (SetId id = 0; id < refs_.size(); ++id) {
    add_chunks(id);
    for (size_t plane = 0; plane < other.planes_; ++plane) {
      std::copy_n(other.words_of(id) + plane * other.words_, other.words_,
                  words_of(id) + plane * words_);
    }
    if (id != kNobody && refs_[id] > 0) link(id);
  }
  // What nobody refers to any more is still met by readers who began before.
  std::vector<bool> is_free(refs_.size(), false);
  for (const SetId id : free_) is_free[id] = true;
  for (SetId id = 1; id < refs_.size(); ++id) {
    if (refs_[id] > 0 || is_free[id]) continue;
    lives_[id] = Life::kDying;
    just_dead_.push_back(id);
    link(id);
  }
}

HolderSets::Where HolderSets::locate(SetId id) {
  const auto log = static_cast<size_t>(std::bit_width(id / kFirstChunk));
  const size_t begin = log == 0 ? 0 : kFirstChunk << (log - 1);
  return {log, id - begin};
}

void HolderSets::add_chunks(SetId id) {
  const auto [chunk, place] = locate(id);
  LLMD_CHECK(chunk < kChunksMax);
  if (chunks_[chunk]) return;
  const size_t sets = chunk == 0 ? kFirstChunk : kFirstChunk << (chunk - 1);
  chunks_[chunk] = std::make_unique<uint64_t[]>(sets * width());
}

SetId HolderSets::new_id() {
  if (!free_.empty()) {
    const SetId id = free_.back();
    free_.pop_back();
    return id;
  }
  const auto id = static_cast<SetId>(refs_.size());
  add_chunks(id);
  refs_.push_back(0);
  next_.push_back(kNobody);
  lives_.push_back(Life::kAlive);
  if (refs_.size() > buckets_.size()) grow_buckets();
  return id;
}

size_t HolderSets::bucket_of(const uint64_t* words) const {
  uint64_t hash = 0;
  for (size_t i = 0; i < width(); ++i) hash = mix64(hash ^ words[i]);
  return hash & (buckets_.size() - 1);
}

void HolderSets::link(SetId id) {
  SetId& first = buckets_[bucket_of(words_of(id))];
  next_[id] = first;
  first = id;
}

void HolderSets::unlink(SetId id) {
  SetId* at = &buckets_[bucket_of(words_of(id))];
  while (*at != id) at = &next_[*at];
  *at = next_[id];
}

void HolderSets::grow_buckets() {
  std::vector<SetId> linked;
  for (SetId id : buckets_) {
    for (; id != kNobody; id = next_[id]) linked.push_back(id);
  }
  buckets_.assign(buckets_.size() * 2, kNobody);
  for (const SetId id : linked) link(id);
}

bool HolderSets::is_equal(SetId id, const uint64_t* words) const {
  return std::equal(words, words + width(), words_of(id));
}

/// The id of that set, with one reference more.
SetId HolderSets::intern(const uint64_t* words) {
  if (is_equal(kNobody, words)) return kNobody;
  SetId id = buckets_[bucket_of(words)];
  while (id != kNobody && !is_equal(id, words)) id = next_[id];
  if (id == kNobody) {
    id = new_id();
    std::copy_n(words, width(), words_of(id));
    link(id);
  }
  ++refs_[id];
  return id;
}

SetId HolderSets::flip(SetId from, size_t plane, size_t lane) {
  const size_t bit = plane * words_ * 64 + lane;
  SetId to = last_.to;
  if (from == last_.from && bit == last_.bit) {
    if (to != kNobody) ++refs_[to];
  } else {
    std::copy_n(words_of(from), width(), scratch_.data());
    scratch_[bit / 64] ^= uint64_t{1} << (bit % 64);
    to = intern(scratch_.data());
    last_ = {from, bit, to};
  }
  release(from);
  return to;
}

bool HolderSets::has_any(SetId id, std::span<const uint64_t> lanes) const {
  const uint64_t* words = words_of(id);
  uint64_t any = 0;
  for (size_t i = 0; i < width(); ++i) any |= words[i] & lanes[i % words_];
  return any != 0;
}

SetId HolderSets::without(SetId from, std::span<const uint64_t> lanes) {
  std::copy_n(words_of(from), width(), scratch_.data());
  for (size_t i = 0; i < width(); ++i) scratch_[i] &= ~lanes[i % words_];
  const SetId to = intern(scratch_.data());
  release(from);
  return to;
}

void HolderSets::release(SetId id) {
  if (id == kNobody || --refs_[id] > 0) return;
  if (lives_[id] != Life::kAlive) {
    lives_[id] = Life::kDyingAgain;
    return;
  }
  lives_[id] = Life::kDying;
  just_dead_.push_back(id);
}

void HolderSets::reclaim(ReadEpochs& epochs) {
  if (!just_dead_.empty()) {
    const uint64_t epoch = epochs.advance();
    for (const SetId id : just_dead_) dead_.push_back({id, epoch});
    just_dead_.clear();
  }
  const uint64_t oldest = dead_.empty() ? 0 : epochs.oldest();
  while (!dead_.empty() && dead_.front().epoch <= oldest) {
    const SetId id = dead_.front().id;
    dead_.pop_front();
    const Life life = std::exchange(lives_[id], Life::kAlive);
    if (refs_[id] > 0) continue;  // came to life again meanwhile
    if (life == Life::kDyingAgain) {
      // Who reads now may have met it in between.
      lives_[id] = Life::kDying;
      just_dead_.push_back(id);
      continue;
    }
    unlink(id);
    free_.push_back(id);
    if (last_.from == id || last_.to == id) last_ = {};
  }
}

size_t HolderSets::bytes() const {
  size_t bytes = (buckets_.capacity() + free_.capacity() + next_.capacity() + refs_.capacity()) * 4;
  for (size_t chunk = 0; chunk < kChunksMax && chunks_[chunk]; ++chunk) {
    bytes += (chunk == 0 ? kFirstChunk : kFirstChunk << (chunk - 1)) * width() * sizeof(uint64_t);
  }
  return bytes;
}

}  // namespace llmd::kv
