// SPDX-License-Identifier: Apache-2.0
#include "kv/index/read_epochs.h"

#include <algorithm>

#include "base/check.h"

namespace llmd::kv {

size_t ReadEpochs::join() {
  size_t place = 0;
  while (place < kReadersMax && places_[place].taken.exchange(true)) ++place;
  LLMD_CHECK(place < kReadersMax);
  return place;
}

void ReadEpochs::leave(size_t place) { places_[place].taken.store(false); }

uint64_t ReadEpochs::oldest() const {
  uint64_t oldest = kIdle;
  for (const Place& place : places_) {
    oldest = std::min(oldest, place.epoch.load(std::memory_order_seq_cst));
  }
  return oldest;
}

}  // namespace llmd::kv
