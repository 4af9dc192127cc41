// SPDX-License-Identifier: Apache-2.0
// A growable run of bytes read from the front and written at the back, never zero-filled.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace llmd::net {

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  char* data() { return bytes_.get() + begin_; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::string_view view() const { return {bytes_.get() + begin_, size()}; }
  size_t capacity() const { return capacity_; }

  /// Room behind the bytes, to be read into and then commit()ed.
  char* tail() { return bytes_.get() + end_; }
  size_t tail_room() const { return capacity_ - end_; }
  /// Makes tail_room() at least `room`. Moves the bytes: views into them end.
  void reserve_tail(size_t room);
  void commit(size_t size) { end_ += size; }
  void append(std::string_view bytes);

  /// Drops bytes from the front.
  void consume(size_t size);
  /// Drops bytes from the back.
  void truncate(size_t size) { end_ = begin_ + size; }
  void clear() { begin_ = end_ = 0; }
  /// Gives the memory back too.
  void release();

 private:
  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace llmd::net
