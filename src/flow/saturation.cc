// SPDX-License-Identifier: Apache-2.0
#include "flow/saturation.h"

#include <algorithm>

namespace llmd::flow {
namespace {

/// No role is every role.
bool has_stage(const endpoints::Endpoint& endpoint, endpoints::Stage stage) {
  const std::string_view role = endpoint.label(endpoints::kRoleLabel);
  return role.empty() || endpoints::role_includes(role, stage);
}

}  // namespace

void SaturationDetector::set_endpoints(const endpoints::Snapshot& endpoints, TimePoint now) {
  shares_.clear();
  fresh_ = {};
  stale_ = 0;
  pool_ = prefill_ = decode_ = {};
  endpoints::Snapshot oldest_first = endpoints;
  std::sort(oldest_first.begin(), oldest_first.end(),
            [](const auto& a, const auto& b) { return a->live.scraped_at < b->live.scraped_at; });
  for (const auto& endpoint : oldest_first) add(endpoint, now);
}

void SaturationDetector::add(const std::shared_ptr<endpoints::Endpoint>& endpoint, TimePoint now) {
  if (shares_.size() <= endpoint->slot) shares_.resize(endpoint->slot + 1);
  auto& share = shares_[endpoint->slot];
  share = std::make_unique<Share>();
  share->endpoint = endpoint;
  share->prefills = has_stage(*endpoint, endpoints::Stage::kPrefill);
  share->decodes = has_stage(*endpoint, endpoints::Stage::kDecode);
  ++pool_.count;
  prefill_.count += share->prefills ? 1 : 0;
  decode_.count += share->decodes ? 1 : 0;
  ++stale_;
  update(*share, now);
}

void SaturationDetector::refresh(const endpoints::Endpoint& endpoint, TimePoint now) {
  if (endpoint.slot >= shares_.size()) return;
  const auto& share = shares_[endpoint.slot];
  if (share != nullptr && share->endpoint.get() == &endpoint) update(*share, now);
}

bool SaturationDetector::is_fresh(const endpoints::Live& live, TimePoint now) const {
  if (stale_after_ == Duration::max()) return true;
  return live.scraped_at != TimePoint{} && now - live.scraped_at <= stale_after_;
}

void SaturationDetector::update(Share& share, TimePoint now) {
  const endpoints::Live& live = share.endpoint->live;
  const bool fresh = is_fresh(live, now);
  if (fresh != share.fresh || live.scraped_at != share.scraped_at) {
    if (share.fresh) fresh_.remove(share);
    if (fresh) fresh_.push_back(share);
    stale_ += (share.fresh ? 1 : 0) - (fresh ? 1 : 0);
    share.fresh = fresh;
    share.scraped_at = live.scraped_at;
  }
  const double before = share.load;
  share.load = load(live, fresh);
  count(share, share.load - before);
}

void SaturationDetector::count(const Share& share, double load) {
  pool_.load += load;
  if (share.prefills) prefill_.load += load;
  if (share.decodes) decode_.load += load;
}

void SaturationDetector::notice_stale(TimePoint now) {
  while (!fresh_.empty() && !is_fresh(fresh_.front()->endpoint->live, now)) {
    update(*fresh_.front(), now);
  }
}

double SaturationDetector::mean(const Sum& stage) const {
  const Sum& sum = stage.count == 0 ? pool_ : stage;
  return sum.load / full_ / sum.count;
}

std::optional<TimePoint> SaturationDetector::next_change() const {
  if (fresh_.empty() || stale_after_ == Duration::max()) return std::nullopt;
  return fresh_.front()->scraped_at + stale_after_ + Duration(1);
}

Saturation SaturationDetector::saturation(TimePoint now) {
  if (empty()) return {.prefill = 1, .decode = 1, .effective = 1};
  notice_stale(now);
  Saturation out{.prefill = mean(prefill_), .decode = mean(decode_), .effective = 0};
  out.effective = std::max(out.prefill, out.decode);
  return out;
}

}  // namespace llmd::flow
