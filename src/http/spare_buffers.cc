// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "http/connection.h"

namespace llmd::http {

namespace {

constexpr size_t kSparesMax = 32;
constexpr size_t kSpareBytesMax = 1024 * 1024;
// Sizes are rounded up, so that a spare fits a request a little longer than its last.
constexpr size_t kStepBytes = 64 * 1024;

}  // namespace

void SpareBuffers::widen(net::Buffer& buffer, size_t room) {
  if (buffer.tail_room() >= room) return;
  const size_t needed = buffer.size() + room;
  if (needed <= kStepBytes) return buffer.reserve_tail(room);
  const auto fits = [needed](const net::Buffer& spare) { return spare.capacity() >= needed; };
  const auto found = std::ranges::find_if(spares_, fits);
  net::Buffer wider;
  if (found != spares_.end()) {
    wider = std::move(*found);
    spares_.erase(found);
  } else {
    wider.reserve_tail((needed + kStepBytes - 1) / kStepBytes * kStepBytes);
  }
  wider.append(buffer.view());
  buffer = std::move(wider);
}

void SpareBuffers::give_back(net::Buffer& buffer) {
  buffer.clear();
  if (spares_.size() == kSparesMax || buffer.capacity() > kSpareBytesMax) return buffer.release();
  spares_.push_back(std::move(buffer));
}

void SpareBuffers::shrink() {
  if (!spares_.empty()) spares_.erase(spares_.begin());
}

}  // namespace llmd::http
