// SPDX-License-Identifier: Apache-2.0
#include "tokenize/word_table.h"

#include <bit>
#include <functional>

namespace llmd::tokenize {
namespace {

uint64_t hash_of(std::string_view word) { return std::hash<std::string_view>{}(word); }

}  // namespace

WordTable::WordTable(size_t expected) : slots_(std::bit_ceil(2 * expected + 8)) {}

size_t WordTable::place(std::string_view word, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at].data != nullptr &&
         (slots_[at].hash != hash || std::string_view(slots_[at].data, slots_[at].size) != word)) {
    at = (at + 1) & mask;
  }
  return at;
}

bool WordTable::insert(std::string_view word, uint32_t id) {
  if (2 * (size_ + 1) > slots_.size()) grow();
  const uint64_t hash = hash_of(word);
  Slot& slot = slots_[place(word, hash)];
  if (slot.data != nullptr) return false;
  slot = {word.data(), static_cast<uint32_t>(word.size()), id, hash};
  ++size_;
  return true;
}

std::optional<uint32_t> WordTable::find(std::string_view word) const {
  const Slot& slot = slots_[place(word, hash_of(word))];
  if (slot.data == nullptr) return std::nullopt;
  return slot.id;
}

void WordTable::grow() {
  const std::vector<Slot> old = std::move(slots_);
  slots_.assign(old.size() * 2, Slot{});
  for (const Slot& slot : old) {
    if (slot.data != nullptr) slots_[place({slot.data, slot.size}, slot.hash)] = slot;
  }
}

TokenArena::TokenArena(const std::vector<std::string_view>& texts_by_id) {
  size_t total = 0;
  for (std::string_view text : texts_by_id) total += text.size();
  bytes_.reserve(total);
  starts_.reserve(texts_by_id.size() + 1);
  starts_.push_back(0);
  for (std::string_view text : texts_by_id) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    starts_.push_back(static_cast<uint32_t>(bytes_.size()));
  }
}

}  // namespace llmd::tokenize
