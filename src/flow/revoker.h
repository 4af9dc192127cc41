// SPDX-License-Identifier: Apache-2.0
// Which running requests of low priority end so that a higher one need not wait.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "flow/flow.h"
#include "flow/metrics.h"

namespace llmd::flow {

/// Upstream's rule: a request is worth saturation / (requests in flight); enough of them are
/// revoked to get below the ceiling, then nothing until they have ended and the saturation shows
/// it. Loop thread only.
class Revoker {
 public:
  /// `lag`: how long the saturation takes to show that a request ended.
  Revoker(Metrics& metrics, Duration lag) : metrics_(metrics), lag_(lag) {}

  /// Items that may be revoked, from when they run until they end.
  void add(Item& item) { running_.push(item); }
  void remove(Item& item, TimePoint now);

  /// Whether earlier revocations must show first.
  bool is_pending(TimePoint now);
  /// Those to revoke now that a request of `priority` waits, `saturation` being at or above its
  /// `ceiling`, in order of priority and the youngest first. Not to be asked while is_pending().
  /// They are not to be revoked again.
  const std::vector<Item*>& choose(double saturation, double ceiling, int32_t priority,
                                   uint64_t in_flight, TimePoint now);
  /// When choose() may say something else because time has passed.
  std::optional<TimePoint> next_change(TimePoint now) const;

 private:
  struct GoesFirstToEnd {
    static bool before(const Item& a, const Item& b);
    static uint32_t& place(Item& item) { return item.place; }
  };
  struct Revocation {
    const Item* item;
    TimePoint at;
  };

  using Pending = std::vector<Revocation>;
  void end(Pending::iterator revocation, bool confirmed, TimePoint now);

  Metrics& metrics_;
  const Duration lag_;
  IndexedHeap<Item, GoesFirstToEnd> running_;
  Pending unconfirmed_;        ///< the oldest first
  TimePoint pending_until_{};  ///< the saturation lags until then
  std::vector<Item*> chosen_;
};

}  // namespace llmd::flow
