// SPDX-License-Identifier: Apache-2.0
// Endpoints whose caches an index shows, by the slots that the caller numbers them with.
#pragma once

#include <optional>
#include <string>

#include "kv/index/block_index.h"
#include "net/socket.h"
#include "observe/metrics.h"

namespace llmd::kv {

/// What the index knows of an endpoint's caches.
enum class Knowledge : uint8_t {
  kNothing,  ///< it has not said anything yet
  kPartial,  ///< events are missing: it may hold more than the index says, or less
  kWhole,
};

/// Where an endpoint publishes its events.
struct EventSource {
  net::Address events;
  std::optional<net::Address> replay;

  bool operator==(const EventSource&) const = default;
};

/// All calls from one thread, which need not be the one that writes the index.
class FollowedCaches {
 public:
  virtual ~FollowedCaches() = default;

  /// Begins to follow the endpoint of that slot, or goes on if it did.
  virtual void follow(uint32_t slot, const EventSource& source) = 0;
  /// That endpoint is gone, or lost its caches.
  virtual void forget(uint32_t slot) = 0;

  /// For readers; what they find are endpoints by id: slot_of() tells whose it is.
  virtual BlockIndex& index() = 0;
  /// Nothing for one that is not followed any more.
  virtual std::optional<uint32_t> slot_of(uint32_t endpoint) const = 0;
  virtual Knowledge knowledge(uint32_t slot) const = 0;
  /// Blocks that it holds, in all its tiers.
  virtual uint64_t entries(uint32_t slot) const = 0;
  /// Call before the registry's page is written.
  virtual void publish_metrics(observe::Registry&, const std::string& /*pool*/) const {}
};

}  // namespace llmd::kv
