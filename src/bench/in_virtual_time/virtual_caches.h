// SPDX-License-Identifier: Apache-2.0
// The caches of engines in virtual time, followed by the events that they publish: what
// kv::LiveIndex does over the network.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>

#include "base/virtual_time.h"
#include "bench/in_virtual_time/virtual_engine.h"
#include "kv/index/followed_caches.h"

namespace llmd::bench {

/// What an engine publishes arrives a millisecond later, and is put in order by the rules of
/// kv::StreamFollower, replays included.
class VirtualCaches final : public kv::FollowedCaches {
 public:
  /// Both outlive it. Engine i publishes at port `first_port` + i.
  VirtualCaches(VirtualTime& time, std::span<const std::unique_ptr<VirtualEngine>> engines,
                uint16_t first_port);
  ~VirtualCaches() override;

  void follow(uint32_t slot, const kv::EventSource& source) override;
  void forget(uint32_t slot) override;
  kv::BlockIndex& index() override { return index_; }
  std::optional<uint32_t> slot_of(uint32_t endpoint) const override;
  kv::Knowledge knowledge(uint32_t slot) const override;
  uint64_t entries(uint32_t slot) const override;

 private:
  class Stream;

  VirtualTime& time_;
  std::span<const std::unique_ptr<VirtualEngine>> engines_;
  uint16_t first_port_;
  kv::BlockIndex index_;
  std::unordered_map<uint32_t, std::unique_ptr<Stream>> streams_;  ///< by slot
  std::unordered_map<uint32_t, uint32_t> slots_;                   ///< by id in the index
  uint32_t next_endpoint_ = 0;
};

}  // namespace llmd::bench
