// SPDX-License-Identifier: Apache-2.0
// A hash map from 64-bit keys to small values in one flat array: built once, read often.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/random.h"

namespace llmd::tokenize {

/// Open addressing, linear probing, at most half full. The key ~0 is not allowed.
template <typename Value>
class FlatMap {
 public:
  explicit FlatMap(size_t expected = 0) { reset(expected); }

  /// The last insert of a key wins.
  void insert(uint64_t key, Value value) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[place(key)];
    if (slot.key != key) ++size_;
    slot = {key, value};
  }

  const Value* find(uint64_t key) const {
    const Slot& slot = slots_[place(key)];
    return slot.key == key ? &slot.value : nullptr;
  }

  size_t size() const { return size_; }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Slot {
    uint64_t key = kEmpty;
    Value value{};
  };

  void reset(size_t expected) {
    slots_.assign(std::bit_ceil(2 * expected + 8), Slot{});
    size_ = 0;
  }

  size_t place(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = mix64(key) & mask;
    while (slots_[at].key != key && slots_[at].key != kEmpty) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old = std::move(slots_);
    reset(old.size());
    for (const Slot& slot : old) {
      if (slot.key != kEmpty) insert(slot.key, slot.value);
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace llmd::tokenize
