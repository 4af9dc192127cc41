// SPDX-License-Identifier: Apache-2.0
// For tests: an executor whose tokens depend on every byte of context that the blocks hold.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "engine/executor.h"

namespace llmd::engine {

/// Stands in for a model: "keys and values" are one number per slot, made from a token and its
/// position, and the next token is a hash over those of all positions so far, read through the
/// block table. A block that is shared, reused or freed wrongly changes the tokens.
class ScriptedExecutor final : public Executor {
 public:
  ScriptedExecutor(uint32_t blocks, uint32_t block_size, TokenId vocab_size)
      : block_size_(block_size), vocab_size_(vocab_size), slots_(size_t{blocks} * block_size) {}

  /// Keeps the batch until run_one(), or runs it at once when `immediate`.
  void submit(const Batch& batch, std::function<void(StepResult)> done) override {
    LLMD_CHECK(batch_ == nullptr);
    batch_ = &batch;
    done_ = std::move(done);
    if (immediate) run_one();
  }

  bool busy() const { return batch_ != nullptr; }

  /// Computes the batch that was submitted and completes it.
  void run_one() {
    LLMD_CHECK(busy());
    StepResult result;
    // As a real one does: all of the batch's keys and values first, then what looks at them.
    for (const BatchItem& item : batch_->items) write(item);
    for (const BatchItem& item : batch_->items) result.tokens.push_back(choose(item));
    ++steps;
    largest_step = std::max(largest_step, batch_->items.size());
    batch_ = nullptr;
    std::exchange(done_, nullptr)(std::move(result));
  }

  bool immediate = false;
  size_t steps = 0;
  size_t largest_step = 0;  ///< sequences

 private:
  uint64_t& slot(const BatchItem& item, uint32_t position) {
    const size_t index = position / block_size_;
    LLMD_CHECK(index < item.block_table.size());
    return slots_[size_t{item.block_table[index]} * block_size_ + position % block_size_];
  }

  void write(const BatchItem& item) {
    LLMD_CHECK(!item.tokens.empty());
    for (uint32_t i = 0; i < item.tokens.size(); ++i) {
      const uint32_t position = item.first_position + i;
      slot(item, position) = mix64(uint64_t{item.tokens[i]} << 32U | position);
    }
  }

  std::optional<TokenId> choose(const BatchItem& item) {
    if (item.sampling == nullptr) return std::nullopt;
    const auto end = item.first_position + static_cast<uint32_t>(item.tokens.size());
    uint64_t hash = item.sampling->seed;
    for (uint32_t position = 0; position < end; ++position)
      hash = mix64(hash ^ slot(item, position));
    auto token = static_cast<TokenId>(hash % vocab_size_);
    while (std::find(item.suppressed.begin(), item.suppressed.end(), token) !=
           item.suppressed.end()) {
      token = (token + 1) % vocab_size_;
    }
    return token;
  }

  uint32_t block_size_;
  TokenId vocab_size_;
  std::vector<uint64_t> slots_;
  const Batch* batch_ = nullptr;
  std::function<void(StepResult)> done_;
};

}  // namespace llmd::engine
