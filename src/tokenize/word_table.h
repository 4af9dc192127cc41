// SPDX-License-Identifier: Apache-2.0
// Texts in one arena, found by id or by content.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace llmd::tokenize {

/// From byte strings to ids in one flat array. Does not own the strings: they must stay where they
/// are (an arena that is full, a TokenArena).
class WordTable {
 public:
  explicit WordTable(size_t expected = 0);
  /// The first insert of a word wins; returns whether this was it.
  bool insert(std::string_view word, uint32_t id);
  std::optional<uint32_t> find(std::string_view word) const;

 private:
  struct Slot {
    const char* data = nullptr;
    uint32_t size = 0;
    uint32_t id = 0;
    uint64_t hash = 0;
  };
  size_t place(std::string_view word, uint64_t hash) const;
  void grow();

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

/// Byte strings by id, in one block of memory.
class TokenArena {
 public:
  /// Copies the texts; one that is empty stands for an id that does not exist.
  explicit TokenArena(const std::vector<std::string_view>& texts_by_id = {});
  std::string_view at(uint32_t id) const {
    return id + 1 < starts_.size()
               ? std::string_view(bytes_.data() + starts_[id], starts_[id + 1] - starts_[id])
               : std::string_view();
  }
  size_t size() const { return starts_.size() - 1; }

 private:
  std::vector<char> bytes_;
  std::vector<uint32_t> starts_;
};

}  // namespace llmd::tokenize
