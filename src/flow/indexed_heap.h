// SPDX-License-Identifier: Apache-2.0
// A binary heap whose elements know their place in it, so that any of them can leave.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace llmd::flow {

/// `Traits::before(a, b)` is a strict order; `Traits::place(x)` is a uint32_t& in `x` that is the
/// heap's while `x` is in it. Holds pointers; all calls cost O(log n) or less and allocate only to
/// grow.
template <typename T, typename Traits>
class IndexedHeap {
 public:
  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  T& front() const { return *heap_.front(); }

  void push(T& element) {
    heap_.push_back(&element);
    up(heap_.size() - 1);
  }
  void remove(T& element) {
    const size_t place = Traits::place(element);
    T* const last = heap_.back();
    heap_.pop_back();
    if (last == &element) return;
    set(place, last);
    moved(*last);
  }
  /// Call after the element's rank among the others changed.
  void moved(T& element) {
    up(Traits::place(element));
    down(Traits::place(element));
  }

 private:
  void set(size_t place, T* element) {
    heap_[place] = element;
    Traits::place(*element) = static_cast<uint32_t>(place);
  }
  void up(size_t place) {
    T* const element = heap_[place];
    while (place > 0 && Traits::before(*element, *heap_[(place - 1) / 2])) {
      set(place, heap_[(place - 1) / 2]);
      place = (place - 1) / 2;
    }
    set(place, element);
  }
  void down(size_t place) {
    T* const element = heap_[place];
    for (size_t child; (child = 2 * place + 1) < heap_.size(); place = child) {
      if (child + 1 < heap_.size() && Traits::before(*heap_[child + 1], *heap_[child])) ++child;
      if (!Traits::before(*heap_[child], *element)) break;
      set(place, heap_[child]);
    }
    set(place, element);
  }

  std::vector<T*> heap_;
};

}  // namespace llmd::flow
