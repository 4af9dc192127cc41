// SPDX-License-Identifier: Apache-2.0
// One pool of endpoints with what decides over it: who may be sent there now, and to which one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/call_after.h"
#include "endpoints/pool.h"
#include "flow/controller.h"
#include "request/routing_config.h"
#include "request/tokenizers.h"
#include "schedule/scheduler.h"

namespace llmd::request {

/// What routes and routers are given; all of it outlives them.
struct Surroundings {
  endpoints::Pool& pool;
  const Clock& clock;
  CallAfter call_after;
  observe::Registry& registry;
  uint64_t seed = 0;  ///< breaks ties, draws by weight
  /// Runs something on the loop's thread, from any thread; empty: nothing is done beside the loop.
  std::function<void(std::function<void()>)> post = {};
};

/// Loop thread only.
class Route {
 public:
  /// Refuses plugins that do not exist or fit, and flow control that makes no sense. Of the route
  /// `before`, the earlier configuration's of that name if there is one, what it has learned of the
  /// endpoints' caches is kept.
  static Result<std::shared_ptr<Route>> make(const RouteConfig& config,
                                             std::vector<resources::InferenceObjective> objectives,
                                             const Surroundings& around, const Route* before,
                                             Tokenizers& tokenizers);

  const std::string& name() const { return config_.name; }
  const RouteConfig& config() const { return config_; }
  schedule::Scheduler& scheduler() { return *scheduler_; }
  const endpoints::Snapshot& endpoints() const { return endpoints_; }

  /// With which prompts are to be tokenized; null where that is not asked for, or not known.
  const TokenizerPtr& tokenizer() const { return tokenizer_; }
  /// `model` if it is a LoRA adapter that an endpoint lists; else empty.
  std::string_view adapter_of(std::string_view model) const;
  /// Whether requests for `model` belong here.
  bool serves(std::string_view model) const;
  /// Whether requests for a model that nobody serves yet wait here for somebody who does.
  bool is_waiting_room() const { return queue_ != nullptr && detector().empty(); }
  /// 0 unless an objective says otherwise.
  int32_t priority_of(std::string_view objective) const;

  /// Its part of the pool now.
  void set_endpoints(endpoints::Snapshot endpoints);
  bool has(const endpoints::Endpoint& endpoint) const;
  /// What is known of an endpoint was read anew.
  void endpoint_changed(const endpoints::Endpoint& endpoint);
  /// A request began or ended at it.
  void load_changed(const endpoints::Endpoint& endpoint);
  /// Lets those go who have waited for what has changed.
  void let_go();

  struct Entry {
    std::optional<flow::Controller::Id> id;  ///< where requests are queued
    std::optional<flow::Decision> decision;  ///< nothing: it waits
  };
  /// As flow::Controller::enqueue(). `revoked` takes a running request away.
  Entry enter(const flow::Request& request, flow::Controller::Decided decided,
              std::function<void()> revoked);
  /// The request of `id` waits no more, or has ended after it was let through.
  void leave(flow::Controller::Id id, const flow::Served& served);

  /// Nobody is let in any more; those who wait are told.
  void shutdown();
  void publish_metrics(observe::Registry& registry);

 private:
  Route(RouteConfig config, const Surroundings& around);
  Result<void> build(const Surroundings& around, const schedule::Scheduler* before);
  void find_tokenizer(Tokenizers& tokenizers, observe::Registry& registry);
  flow::SaturationDetector& detector() const { return *detector_; }
  void count_ready();

  const RouteConfig config_;
  const Clock& clock_;
  std::unique_ptr<schedule::Scheduler> scheduler_;
  TokenizerPtr tokenizer_;
  std::shared_ptr<flow::SaturationDetector> detector_;
  std::unordered_map<std::string, int32_t> priorities_;
  endpoints::Snapshot endpoints_;
  std::vector<const endpoints::Endpoint*> by_slot_;
  std::vector<bool> ready_;  ///< by slot: whether the detector counts it
  std::unordered_map<flow::Controller::Id, std::function<void()>> revocable_;
  bool evicts_ = false;
  std::unique_ptr<flow::Controller> queue_;  ///< null where flow control is off
};

}  // namespace llmd::request
