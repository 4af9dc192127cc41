// SPDX-License-Identifier: Apache-2.0
// Sets of holders, each kept once however many blocks it belongs to.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "kv/index/read_epochs.h"

namespace llmd::kv {

/// Names a set. The blocks of one prompt mostly have the same holders, so that a reader who meets
/// the same id again need not look at the set.
using SetId = uint32_t;
inline constexpr SetId kNobody = 0;

/// A bitmap of `planes` times `words` words for each set: bit (plane, lane) says that the lane
/// holds the block in that plane. The members of a set never change. One writer; readers may call
/// words() for an id that they found while reading (ReadEpochs).
class HolderSets {
 public:
  HolderSets(size_t planes, size_t words);
  /// The same sets under the same ids, in a layout that is no smaller.
  HolderSets(const HolderSets& other, size_t planes, size_t words);
  HolderSets& operator=(const HolderSets&) = delete;

  size_t planes() const { return planes_; }
  size_t words() const { return words_; }
  /// Of the set, plane after plane.
  const uint64_t* words_of(SetId id) const {
    const auto [chunk, place] = locate(id);
    return chunks_[chunk].get() + place * width();
  }
  bool contains(SetId id, size_t plane, size_t lane) const {
    return (words_of(id)[plane * words_ + lane / 64] >> (lane % 64) & 1) != 0;
  }
  /// Whether it has a lane of `lanes`, in any plane.
  bool has_any(SetId id, std::span<const uint64_t> lanes) const;

  /// The set `from` with one member more, or less if it had it. The caller's reference to `from`
  /// becomes one to the result.
  SetId flip(SetId from, size_t plane, size_t lane);
  /// The set `from` without the lanes of `lanes`, in every plane; references as in flip().
  SetId without(SetId from, std::span<const uint64_t> lanes);
  void release(SetId id);
  /// Frees what has had no reference since before the oldest reading.
  void reclaim(ReadEpochs& epochs);

  /// Sets that have a reference or wait for readers.
  size_t size() const { return refs_.size() - free_.size(); }
  size_t bytes() const;

 private:
  static constexpr size_t kFirstChunk = 256;  ///< sets; each next chunk has as many as all before
  static constexpr size_t kChunksMax = 24;
  struct Where {
    size_t chunk;
    size_t place;
  };
  struct Dead {
    SetId id;
    uint64_t epoch;  ///< in which it may be used again
  };
  enum class Life : uint8_t {
    kAlive,
    kDying,       ///< among the dead; it may have come to life since
    kDyingAgain,  ///< it did, and lost its last reference once more
  };
  struct Step {
    SetId from = kNobody;
    size_t bit = SIZE_MAX;
    SetId to = kNobody;
  };

  size_t width() const { return planes_ * words_; }
  static Where locate(SetId id);
  uint64_t* words_of(SetId id) {
    return const_cast<uint64_t*>(static_cast<const HolderSets&>(*this).words_of(id));
  }
  size_t bucket_of(const uint64_t* words) const;
  bool is_equal(SetId id, const uint64_t* words) const;
  SetId intern(const uint64_t* words);
  SetId new_id();
  void add_chunks(SetId id);
  void link(SetId id);
  void unlink(SetId id);
  void grow_buckets();

  const size_t planes_;
  const size_t words_;
  std::array<std::unique_ptr<uint64_t[]>, kChunksMax> chunks_;  ///< never move: readers look there
  std::vector<uint32_t> refs_;                                  ///< by id
  std::vector<SetId> next_;                                     ///< by id, in its bucket
  std::vector<Life> lives_;                                     ///< by id
  std::vector<SetId> buckets_;
  std::vector<SetId> free_;
  std::vector<SetId> just_dead_;  ///< since the last reclaim()
  std::deque<Dead> dead_;
  std::vector<uint64_t> scratch_;
  Step last_;  ///< the step before: the next block of a chain mostly takes the same
};

}  // namespace llmd::kv
