// SPDX-License-Identifier: Apache-2.0
// Remembers the tokens of pieces of text, so that a conversation's next turn costs what is new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace llmd::tokenize {

/// Pieces are those between added tokens ("<|im_start|>" and the like): a tokenizer encodes each by
/// itself, whatever stands around it, so what was found once is what would be found again. Keyed by
/// a hash of 128 bits; the least recently used go when the memory bound is reached. Any thread.
class EncodeCache {
 public:
  /// `seed` keeps clients from knowing which texts collide.
  EncodeCache(size_t bytes_max, uint64_t seed) : bytes_max_(bytes_max), seed_(seed) {}

  struct Key {
    uint64_t low = 0;
    uint64_t high = 0;
    bool operator==(const Key&) const = default;
  };
  /// `at_start`: the piece is the begin of the text, which some tokenizers treat differently.
  Key key_of(std::string_view piece, bool at_start) const;

  /// Appends the piece's tokens to `out`; false when they are not known.
  bool append(const Key& key, std::vector<uint32_t>& out);
  void store(const Key& key, std::span<const uint32_t> tokens);

  /// Of memory, its own bookkeeping included.
  size_t bytes() const;

 private:
  struct Hash {
    size_t operator()(const Key& key) const { return key.low; }
  };
  using Ids = std::shared_ptr<const std::vector<uint32_t>>;
  struct Entry {
    Key key;
    Ids ids;
  };
  using Entries = std::list<Entry>;

  Ids find(const Key& key);
  void drop_last();

  const size_t bytes_max_;
  const uint64_t seed_;
  mutable std::mutex mutex_;
  Entries entries_;  ///< the last used first
  std::unordered_map<Key, Entries::iterator, Hash> places_;
  size_t bytes_ = 0;
};

}  // namespace llmd::tokenize
