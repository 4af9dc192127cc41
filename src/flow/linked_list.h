// SPDX-License-Identifier: Apache-2.0
// A list threaded through its elements: any of them leaves in O(1), and nothing is allocated.
#pragma once

namespace llmd::flow {

/// An element is in at most one list per member of this type.
template <typename T>
struct Links {
  T* previous = nullptr;
  T* next = nullptr;
};

template <typename T, Links<T> T::* Member>
class LinkedList {
 public:
  bool empty() const { return first_ == nullptr; }
  T* front() const { return first_; }
  T* back() const { return last_; }

  void push_back(T& element) {
    (element.*Member) = {.previous = last_, .next = nullptr};
    (last_ == nullptr ? first_ : (last_->*Member).next) = &element;
    last_ = &element;
  }
  void remove(T& element) {
    const Links<T> links = element.*Member;
    (links.previous == nullptr ? first_ : (links.previous->*Member).next) = links.next;
    (links.next == nullptr ? last_ : (links.next->*Member).previous) = links.previous;
  }

 private:
  T* first_ = nullptr;
  T* last_ = nullptr;
};

}  // namespace llmd::flow
