// SPDX-License-Identifier: Apache-2.0
// What happens in an engine's block pool, as KV events.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/cache/block_pool.h"
#include "kv/events/batch_writer.h"

namespace llmd::engine {

/// Gathers changes into batches: one for each finish(). The pool's thread only.
class KvEventRecorder final : public BlockObserver {
 public:
  /// Hears of every change of `pool`, which outlives it. `changed` is called at the first one after
  /// each finish(), in the middle of it.
  KvEventRecorder(BlockPool& pool, uint32_t block_size, kv::BatchWriter writer,
                  std::function<void()> changed);
  ~KvEventRecorder() override;
  KvEventRecorder(const KvEventRecorder&) = delete;
  KvEventRecorder& operator=(const KvEventRecorder&) = delete;

  /// The batch of what has changed since the last one.
  std::string finish(double timestamp_s);

  void on_stored(const StoredBlock& stored) override;
  void on_removed(BlockId block, uint32_t generation, const BlockHash& hash) override;
  void on_cleared() override;

 private:
  void note_change();
  void write_stored();
  void write_removed();

  BlockPool& pool_;
  uint32_t block_size_;
  kv::BatchWriter writer_;
  std::function<void()> changed_;
  bool has_changed_ = false;  ///< since the last finish()

  // Blocks that follow one another are one event.
  std::vector<kv::EngineHash> stored_;
  BlockHash last_stored_{};
  std::optional<kv::EngineHash> parent_;  ///< of the first of them
  std::vector<TokenId> tokens_;
  std::string adapter_;
  std::string salt_;
  std::vector<kv::EngineHash> removed_;
};

}  // namespace llmd::engine
