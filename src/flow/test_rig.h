// SPDX-License-Identifier: Apache-2.0
// A controller in virtual time over a pool of endpoints that hold what it lets through.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/virtual_time.h"
#include "flow/controller.h"
#include "flow/test_config.h"

namespace llmd::flow {

class Rig {
 public:
  explicit Rig(Config config, size_t endpoint_count = 1)
      : detector_(config.detector),
        controller_((set_endpoint_count(pool_, endpoint_count),
                     detector_->set_endpoints(*pool_.snapshot(), time_.now()), std::move(config)),
                    time_, time_.call_after(), registry_, "pool",
                    [this](Controller::Id id) { evicted_.push_back(id); }) {}

  /// Enqueues; whatever comes of it is kept under the name.
  Controller::Id add(const std::string& name, Request request = {}) {
    request.received = time_.now();
    const auto out =
        controller_.enqueue(request, [this, name](Decision decision) { decide(name, decision); });
    ids_[name] = out.id;
    if (out.decision) decide(name, *out.decision);
    return out.id;
  }
  /// Ends a request that was let through.
  void finish(const std::string& name, const Served& served = {}) {
    endpoints::Endpoint& endpoint = *runs_on_.at(name);
    --endpoint.live.in_flight;
    detector_->refresh(endpoint, time_.now());
    controller_.finished(ids_.at(name), served);
    controller_.capacity_changed();
  }
  void set_endpoints(size_t count) {
    set_endpoint_count(pool_, count);
    detector_->set_endpoints(*pool_.snapshot(), time_.now());
    controller_.capacity_changed();
  }
  void advance(Duration by) { time_.run_until(time_.now() + by); }

  std::optional<Decision> decision(const std::string& name) const {
    const auto found = decisions_.find(name);
    if (found == decisions_.end()) return std::nullopt;
    return found->second;
  }
  bool runs(const std::string& name) const { return decision(name) == Decision::kDispatched; }

  VirtualTime time_;
  endpoints::Pool pool_;
  observe::Registry registry_;
  std::shared_ptr<SaturationDetector> detector_;
  std::vector<Controller::Id> evicted_;
  std::map<std::string, Controller::Id> ids_;
  std::map<std::string, Decision> decisions_;
  std::vector<std::string> dispatched_;  ///< in the order in which they went
  Controller controller_;

 private:
  void decide(const std::string& name, Decision decision) {
    EXPECT_FALSE(decisions_.contains(name)) << name << " was decided twice";
    decisions_[name] = decision;
    if (decision != Decision::kDispatched) return;
    dispatched_.push_back(name);
    const auto snapshot = pool_.snapshot();
    const auto idlest = std::min_element(
        snapshot->begin(), snapshot->end(),
        [](const auto& a, const auto& b) { return a->live.in_flight < b->live.in_flight; });
    ASSERT_NE(idlest, snapshot->end()) << name << " went where nobody is";
    ++(*idlest)->live.in_flight;
    runs_on_[name] = *idlest;
    detector_->refresh(**idlest, time_.now());
  }

  std::map<std::string, std::shared_ptr<endpoints::Endpoint>> runs_on_;
};

}  // namespace llmd::flow
