// SPDX-License-Identifier: Apache-2.0
// One endpoint's stream of batches on its way into the index.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "kv/events/batch_reader.h"
#include "kv/events/stream_follower.h"
#include "kv/index/endpoint_blocks.h"
#include "kv/index/followed_caches.h"

namespace llmd::kv {

/// Thread of the index's writer only.
class CacheStream final : public StreamConsumer {
 public:
  /// `index` and `clock` must outlive it. `endpoint` is the caller's id. `changed` is called after
  /// everything that the stream says; it may be empty.
  CacheStream(BlockIndex& index, const Clock& clock, uint32_t endpoint,
              std::function<void(const CacheStream&)> changed)
      : index_(index), blocks_(index, clock, endpoint), changed_(std::move(changed)) {}

  void on_batch(std::string_view payload) override;
  void on_reset() override;
  void on_partial(bool partial) override;
  void on_caught_up() override;

  Knowledge knowledge() const;
  const EndpointBlocks& blocks() const { return blocks_; }
  /// Broken, or of unknown types.
  uint64_t unread_events() const { return unread_; }

 private:
  void tell() const {
    if (changed_) changed_(*this);
  }

  BlockIndex& index_;
  EndpointBlocks blocks_;
  BatchReader reader_;
  std::function<void(const CacheStream&)> changed_;
  bool heard_ = false;        ///< it has said what it holds, be it nothing
  bool lost_events_ = false;  ///< that could not be read
  bool is_partial_ = false;
  uint64_t unread_ = 0;
};

}  // namespace llmd::kv
