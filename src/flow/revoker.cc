// SPDX-License-Identifier: Apache-2.0
#include "flow/revoker.h"

#include <algorithm>
#include <cmath>

#include "flow/band.h"

namespace llmd::flow {
namespace {

/// A request that was told to end counts as ended after this.
constexpr Duration kConfirmTimeout = std::chrono::seconds(10);

}  // namespace

bool Revoker::GoesFirstToEnd::before(const Item& a, const Item& b) {
  if (a.band->priority != b.band->priority) return a.band->priority < b.band->priority;
  return a.sequence > b.sequence;
}

void Revoker::remove(Item& item, TimePoint now) {
  if (!item.revoked) return running_.remove(item);
  const auto found = std::find_if(unconfirmed_.begin(), unconfirmed_.end(),
                                  [&](const Revocation& each) { return each.item == &item; });
  if (found != unconfirmed_.end()) end(found, true, now);
}

void Revoker::end(Pending::iterator revocation, bool confirmed, TimePoint now) {
  metrics_.revocation_ended(confirmed, now - revocation->at);
  unconfirmed_.erase(revocation);
  pending_until_ = now + lag_;
  if (unconfirmed_.empty()) metrics_.revoking(0, 0);
}

bool Revoker::is_pending(TimePoint now) {
  while (!unconfirmed_.empty() && now - unconfirmed_.front().at >= kConfirmTimeout) {
    end(unconfirmed_.begin(), false, now);
  }
  return !unconfirmed_.empty() || now < pending_until_;
}

const std::vector<Item*>& Revoker::choose(double saturation, double ceiling, int32_t priority,
                                          uint64_t in_flight, TimePoint now) {
  chosen_.clear();
  // A ceiling of 0 lets nobody through, whatever ends.
  if (in_flight == 0 || saturation <= 0 || ceiling <= 0) return chosen_;
  const double worth = saturation / static_cast<double>(in_flight);
  const double count = std::max(1.0, std::ceil((saturation - ceiling) / worth));
  while (static_cast<double>(chosen_.size()) < count && !running_.empty() &&
         running_.front().band->priority < priority) {
    Item& item = running_.front();
    running_.remove(item);
    item.revoked = true;
    chosen_.push_back(&item);
    unconfirmed_.push_back({.item = &item, .at = now});
  }
  if (chosen_.empty()) return chosen_;
  metrics_.revoking(saturation - ceiling, worth * static_cast<double>(chosen_.size()));
  metrics_.revocations_issued(chosen_.size());
  return chosen_;
}

std::optional<TimePoint> Revoker::next_change(TimePoint now) const {
  if (!unconfirmed_.empty()) return unconfirmed_.front().at + kConfirmTimeout;
  if (pending_until_ > now) return pending_until_;
  return std::nullopt;
}

}  // namespace llmd::flow
