// SPDX-License-Identifier: Apache-2.0
#include "endpoints/pool.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/log.h"

namespace llmd::endpoints {
namespace {

/// Leaves out what cannot be taken: second names, and what exceeds the pool's size.
void drop_excess(std::vector<EndpointSpec>& specs) {
  std::set<std::pair<std::string, std::string>> names;
  std::erase_if(specs, [&](const EndpointSpec& spec) {
    const bool is_second = !names.emplace(spec.name_space, spec.name).second;
    if (is_second) log::warn("endpoint {}/{} is listed twice", spec.name_space, spec.name);
    return is_second;
  });
  if (specs.size() <= kEndpointsMax) return;
  log::error("{} endpoints listed, the first {} are used", specs.size(), kEndpointsMax);
  specs.erase(specs.begin() + kEndpointsMax, specs.end());
}

}  // namespace

Pool::Pool() : snapshot_(std::make_shared<const Snapshot>()) {}

void Pool::update(std::vector<EndpointSpec> specs) {
  drop_excess(specs);
  for (const auto& endpoint : *snapshot_) {
    if (std::find(specs.begin(), specs.end(), endpoint->spec) != specs.end()) continue;
    used_.reset(endpoint->slot);
    report_cache_lost(*endpoint);
  }
  auto next = std::make_shared<Snapshot>();
  for (EndpointSpec& spec : specs) {
    auto endpoint = find(spec);
    if (!endpoint) {
      endpoint = std::make_shared<Endpoint>(std::move(spec), free_slot());
      used_.set(endpoint->slot);
    }
    next->push_back(std::move(endpoint));
  }
  snapshot_ = std::move(next);
  for (const auto& callback : changed_) callback();
}

void Pool::on_change(std::function<void()> callback) { changed_.push_back(std::move(callback)); }

void Pool::on_cache_lost(std::function<void(uint32_t slot)> callback) {
  cache_lost_.push_back(std::move(callback));
}

void Pool::report_cache_lost(const Endpoint& endpoint) {
  // A slot may belong to another endpoint by now.
  if (find(endpoint.spec).get() != &endpoint) return;
  for (const auto& callback : cache_lost_) callback(endpoint.slot);
}

std::shared_ptr<Endpoint> Pool::find(const EndpointSpec& spec) const {
  const auto found = std::find_if(snapshot_->begin(), snapshot_->end(),
                                  [&](const auto& endpoint) { return endpoint->spec == spec; });
  return found == snapshot_->end() ? nullptr : *found;
}

uint32_t Pool::free_slot() const {
  uint32_t slot = 0;
  while (slot < kEndpointsMax && used_.test(slot)) ++slot;
  LLMD_CHECK(slot < kEndpointsMax);
  return slot;
}

}  // namespace llmd::endpoints
