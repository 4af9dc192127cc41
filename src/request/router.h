// SPDX-License-Identifier: Apache-2.0
// Where requests go: the routes, the models they serve, and the configuration that may change while
// requests are under way. The gateway moves the bytes; here is decided where to, and what a failure
// means.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/index/followed_caches.h"
#include "request/model_rewrites.h"
#include "request/refusal.h"
#include "request/route.h"
#include "request/routing_config.h"
#include "request/ticket.h"

namespace llmd::request {

struct RouterOptions {
  uint32_t attempts_max = 3;  ///< endpoints tried for one request
  /// Each response says how its endpoint was chosen. For finding out; it costs time.
  bool emits_endpoint_scores = false;
  /// Told every decision, if set. Costs the same.
  std::function<void(const schedule::Explanation&)> on_decision = {};
  /// Each response says which endpoint served it.
  bool echoes_destination = false;
};

/// Of one configuration.
using Routes = std::vector<std::shared_ptr<Route>>;

/// Loop thread only. Tickets share it.
class Router {
 public:
  /// Refuses a configuration that cannot work. What `around` holds must outlive the router.
  static Result<std::unique_ptr<Router>> make(const Surroundings& around,
                                              const RoutingConfig& config, RouterOptions options);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// Requests that come from now on are treated as `config` says; those under way, also the waiting
  /// ones, as the configuration said with which they came. Refused as in make(), changing nothing.
  Result<void> use(const RoutingConfig& config);
  using MakeCaches = std::function<std::unique_ptr<kv::FollowedCaches>()>;
  /// What engines have cached is learned from what `make` makes, for each plugin that asks, and not
  /// over the network. Before there are endpoints.
  void follow_caches(const MakeCaches& make);
  /// With what prompts for `model` are tokenized, and how long they may be with their answer.
  struct ModelTokenizer {
    TokenizerPtr tokenizer;      ///< null where it is not known
    uint64_t max_model_len = 0;  ///< 0: not known
  };
  ModelTokenizer tokenizer_of(std::string_view model);
  Tokenizers& tokenizers() { return tokenizers_; }

  /// By which names the endpoint's metrics are to be read: the configuration of its route says.
  std::shared_ptr<const endpoints::EngineNames> engine_names(
      const endpoints::Endpoint& endpoint) const;
  /// Health, models or load of an endpoint were read anew.
  void endpoint_changed(const endpoints::Endpoint& endpoint);
  /// Nobody is let in any more, and those who wait are told so. Running requests go on.
  void shutdown();

  /// Models that an engine serves now, and names that stand for them; each once, sorted.
  std::vector<std::string> model_names() const;
  /// Whether any engine can serve now.
  bool ready() const;
  /// Call before the registry's page is written.
  void publish_metrics();

 private:
  friend class Ticket;
  Router(const Surroundings& around, RouterOptions options);

  // For tickets:
  const Clock& clock() const { return around_.clock; }
  const RouterOptions& options() const { return options_; }
  /// Valid while `model`, `forced` and the configuration are.
  std::string_view target_model(std::string_view model, std::string_view forced);
  std::shared_ptr<Route> route_for(std::string_view model) const;
  Refusal unknown_model(std::string_view model) const;
  void load_changed(const endpoints::Endpoint& endpoint);
  void observe_scheduling(Duration duration) { scheduling_s_.observe(to_seconds(duration)); }
  void observe_prediction_error(double share) { prediction_error_.observe(share); }

  const Routes& current() const { return generations_.back(); }
  const Route* find_route(std::string_view name) const;
  void drop_unused();
  void for_all_routes(const std::function<void(Route&)>& call);

  const Surroundings around_;
  const RouterOptions options_;
  Tokenizers tokenizers_;
  Random seeds_;
  /// Of each configuration that a request came with; the last is for those that come.
  std::vector<Routes> generations_;
  std::optional<ModelRewrites> rewrites_;
  observe::Histogram scheduling_s_;
  observe::Histogram prediction_error_;
};

}  // namespace llmd::request
