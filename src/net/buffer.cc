// SPDX-License-Identifier: Apache-2.0
#include "net/buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace llmd::net {

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  bytes_ = std::move(other.bytes_);
  capacity_ = std::exchange(other.capacity_, 0);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  return *this;
}

void Buffer::reserve_tail(size_t room) {
  if (tail_room() >= room) return;
  const size_t used = size();
  if (capacity_ - used >= room && begin_ >= used) {  // the gap in front is worth closing
    std::memcpy(bytes_.get(), data(), used);
  } else {
    const size_t capacity = std::max(used + room, 2 * used);
    std::unique_ptr<char[]> bytes(new char[capacity]);
    if (used > 0) std::memcpy(bytes.get(), data(), used);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }
  begin_ = 0;
  end_ = used;
}

void Buffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  reserve_tail(bytes.size());
  std::memcpy(tail(), bytes.data(), bytes.size());
  commit(bytes.size());
}

void Buffer::consume(size_t size) {
  begin_ += size;
  if (begin_ == end_) clear();
}

void Buffer::release() {
  clear();
  bytes_.reset();
  capacity_ = 0;
}

}  // namespace llmd::net
