// SPDX-License-Identifier: Apache-2.0
// What happens in an engine's block pool, as KV events: one batch for each step that changed it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/cache/block_pool.h"
#include "kv/events/batch_writer.h"
#include "net/event_loop.h"

namespace llmd::engine {

/// Gathers within one turn of the loop, which a step does not outlast. Loop thread only.
class KvEventRecorder final : public BlockObserver, private net::TurnEnd {
 public:
  using Publish = std::function<void(std::string payload)>;

  /// Hears of every change of `pool`, which outlives it.
  KvEventRecorder(net::EventLoop& loop, BlockPool& pool, uint32_t block_size,
                  kv::BatchWriter writer, Publish publish);
  ~KvEventRecorder() override;

  void on_stored(const StoredBlock& stored) override;
  void on_removed(BlockId block, uint32_t generation, const BlockHash& hash) override;
  void on_cleared() override;

 private:
  void on_turn_end() override;
  void write_stored();
  void write_removed();

  BlockPool& pool_;
  uint32_t block_size_;
  kv::BatchWriter writer_;
  Publish publish_;

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
