// SPDX-License-Identifier: Apache-2.0
// The endpoints that requests may go to.
#pragma once

#include <bitset>
#include <functional>
#include <memory>
#include <vector>

#include "endpoints/endpoint.h"

namespace llmd::endpoints {

/// Most endpoints of one pool: the prefix index keeps one bit for each in every entry.
inline constexpr size_t kEndpointsMax = 1024;

using Snapshot = std::vector<std::shared_ptr<Endpoint>>;

/// Loop thread only. The set is replaced as a whole; whoever holds a snapshot keeps seeing the old.
class Pool {
 public:
  Pool();

  std::shared_ptr<const Snapshot> snapshot() const { return snapshot_; }

  /// Makes the set equal to `specs`. Endpoints with an unchanged spec keep their object, so their
  /// load and slot too. Of equal names the first counts; more than kEndpointsMax are left out with
  /// a log line.
  void update(std::vector<EndpointSpec> specs);

  /// Called after each update(), when snapshot() is the new set.
  void on_change(std::function<void()> callback);

  /// Called with the slot of an endpoint whose caches are gone: removed, or its engine restarted.
  void on_cache_lost(std::function<void(uint32_t slot)> callback);
  void report_cache_lost(const Endpoint& endpoint);

 private:
  std::shared_ptr<Endpoint> find(const EndpointSpec& spec) const;
  uint32_t free_slot() const;

  std::shared_ptr<const Snapshot> snapshot_;
  std::bitset<kEndpointsMax> used_;
  std::vector<std::function<void()>> changed_;
  std::vector<std::function<void(uint32_t)>> cache_lost_;
};

}  // namespace llmd::endpoints
