// SPDX-License-Identifier: Apache-2.0
// A controller in virtual time over a pool of endpoints that hold what it lets through. For tests
// and benchmarks.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/virtual_time.h"
#include "flow/controller.h"

namespace llmd::flow {

/// One plugin of `type` with parameters in YAML.
inline resources::PluginSpec plugin(std::string name, std::string type,
                                    std::string_view parameters = "") {
  resources::PluginSpec spec{.name = std::move(name), .type = std::move(type), .parameters = {}};
  if (!parameters.empty()) {
    spec.parameters = resources::parse_yaml(parameters, "parameters").value().at(0);
  }
  return spec;
}

inline Result<Config> parse(std::string_view yaml,
                            const std::vector<resources::PluginSpec>& plugins = {}) {
  static const std::string kFile = "epp.yaml";
  const auto documents = resources::parse_yaml(yaml, kFile).value();
  const resources::YamlNode none;
  LLMD_ASSIGN_OR_RETURN(auto fields,
                        resources::Fields::of_optional(documents.empty() ? none : documents.at(0),
                                                       "flowControl", kFile));
  return parse_config(fields, plugins);
}

/// flowControl with a concurrency detector of so many requests per endpoint, and more members.
inline Config config_with(int concurrency, std::string_view yaml = "",
                          std::vector<resources::PluginSpec> plugins = {}) {
  plugins.push_back(
      plugin("detector", "concurrency-detector", "maxConcurrency: " + std::to_string(concurrency)));
  const std::string all = "saturationDetector: {pluginRef: detector}\n" + std::string(yaml);
  auto config = parse(all, plugins);
  EXPECT_TRUE(config.ok()) << (config.ok() ? "" : config.error().message);
  return std::move(config).value();
}

inline void set_endpoint_count(endpoints::Pool& pool, size_t count, const std::string& role = "") {
  std::vector<endpoints::EndpointSpec> specs;
  for (size_t i = 0; i < count; ++i) {
    specs.push_back({.name = std::to_string(i),
                     .address = "127.0.0.1",
                     .port = static_cast<uint16_t>(i + 1),
                     .labels = {}});
    if (!role.empty()) specs.back().labels[std::string(endpoints::kRoleLabel)] = role;
  }
  pool.update(std::move(specs));
}

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
