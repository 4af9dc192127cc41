// SPDX-License-Identifier: Apache-2.0
#include "request/router.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "schedule/producers/precise_prefix_cache_producer.h"

namespace llmd::request {
namespace {

using endpoints::Endpoint;
using resources::InferenceObjective;

const std::vector<double> kSchedulingBucketsS = {1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4,
                                                 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 0.1};

const std::vector<double> kErrorBuckets = {0, 0.01, 0.05, 0.1, 0.25, 0.5, 1};

template <typename Keep>
std::set<std::string, std::less<>> collect_models(const endpoints::Snapshot& snapshot, Keep keep) {
  std::set<std::string, std::less<>> names;
  for (const auto& endpoint : snapshot) {
    if (keep(*endpoint)) names.insert(endpoint->live.models.begin(), endpoint->live.models.end());
  }
  return names;
}

bool is_route(const std::vector<RouteConfig>& routes, const std::string& name) {
  return std::ranges::find(routes, name, &RouteConfig::name) != routes.end();
}

/// Those for the pool, and those for a pool that has no name here.
std::vector<InferenceObjective> objectives_of(const RoutingConfig& config,
                                              const std::string& route) {
  std::vector<InferenceObjective> out;
  std::ranges::copy_if(config.objectives, std::back_inserter(out), [&](const auto& objective) {
    return objective.pool == route || !is_route(config.routes, objective.pool);
  });
  return out;
}

/// The route that lists the endpoint's service, else the last.
Route& route_of(const Routes& routes, const Endpoint& endpoint) {
  const std::string_view service = endpoint.label(endpoints::kModelServiceLabel);
  for (size_t i = 0; i + 1 < routes.size() && !service.empty(); ++i) {
    const auto& services = routes[i]->config().services;
    if (std::ranges::find(services, service) != services.end()) return *routes[i];
  }
  return *routes.back();
}

void distribute(const endpoints::Snapshot& endpoints, const Routes& routes) {
  std::unordered_map<const Route*, endpoints::Snapshot> parts;
  for (const auto& endpoint : endpoints) parts[&route_of(routes, *endpoint)].push_back(endpoint);
  for (const auto& route : routes) route->set_endpoints(std::move(parts[route.get()]));
}

}  // namespace

Router::Router(const Surroundings& around, RouterOptions options)
    : around_(around),
      options_(options),
      tokenizers_(around.registry, around.post, around.seed),
      seeds_(around.seed),
      scheduling_s_(around.registry.histogram("llm_d_epp_scheduler_e2e_duration_seconds",
                                              "Time to choose an endpoint.", kSchedulingBucketsS)),
      prediction_error_(around.registry.histogram(
          "llmd_prefix_prediction_error",
          "By how much of the prompt what was taken to be cached differs from what answers say.",
          kErrorBuckets)) {
  around_.pool.on_cache_lost([this](uint32_t slot) {
    for_all_routes([slot](Route& route) { route.scheduler().forget(slot); });
  });
  around_.pool.on_change([this] {
    for (const Routes& routes : generations_) distribute(*around_.pool.snapshot(), routes);
  });
}

Result<std::unique_ptr<Router>> Router::make(const Surroundings& around,
                                             const RoutingConfig& config, RouterOptions options) {
  std::unique_ptr<Router> router(new Router(around, options));
  LLMD_RETURN_IF_ERROR(router->use(config));
  return router;
}

Result<void> Router::use(const RoutingConfig& config) {
  Routes routes;
  for (const RouteConfig& route : config.routes) {
    Surroundings around = around_;
    around.seed = seeds_.next();
    LLMD_ASSIGN_OR_RETURN(auto made, Route::make(route, objectives_of(config, route.name), around,
                                                 find_route(route.name), tokenizers_));
    routes.push_back(std::move(made));
  }
  generations_.push_back(std::move(routes));
  rewrites_.emplace(config.rewrites, seeds_.next());
  drop_unused();
  distribute(*around_.pool.snapshot(), current());
  return {};
}

void Router::follow_caches(const MakeCaches& make) {
  for_all_routes([&](Route& route) {
    const schedule::Registry& plugins = route.scheduler().registry();
    for (auto* each : plugins.all<schedule::PrecisePrefixCacheProducer>()) each->use(make());
  });
}

/// Of the configuration that is in use; null when there is none.
const Route* Router::find_route(std::string_view name) const {
  if (generations_.empty()) return nullptr;
  const auto found =
      std::ranges::find_if(current(), [name](const auto& route) { return route->name() == name; });
  return found == current().end() ? nullptr : found->get();
}

void Router::for_all_routes(const std::function<void(Route&)>& call) {
  for (const Routes& routes : generations_) {
    for (const auto& route : routes) call(*route);
  }
}

/// Never from within a route's own work, which a ticket's callbacks are.
void Router::drop_unused() {
  const auto is_unused = [this](const Routes& routes) {
    return &routes != &current() &&
           std::ranges::all_of(routes, [](const auto& route) { return route.use_count() == 1; });
  };
  // Not erase_if: it moves the elements that it asks about.
  for (size_t i = generations_.size(); i-- > 0;) {
    if (is_unused(generations_[i])) generations_.erase(generations_.begin() + static_cast<long>(i));
  }
}

std::shared_ptr<const endpoints::EngineNames> Router::engine_names(const Endpoint& endpoint) const {
  return route_of(current(), endpoint).scheduler().engine_metrics().of(endpoint);
}

void Router::endpoint_changed(const Endpoint& endpoint) {
  drop_unused();
  for_all_routes([&](Route& route) { route.endpoint_changed(endpoint); });
}

void Router::load_changed(const Endpoint& endpoint) {
  for_all_routes([&](Route& route) { route.load_changed(endpoint); });
}

void Router::shutdown() {
  for_all_routes([](Route& route) { route.shutdown(); });
}

void Router::publish_metrics() {
  for (const auto& route : current()) route->publish_metrics(around_.registry);
}

std::string_view Router::target_model(std::string_view model, std::string_view forced) {
  if (!forced.empty()) return forced;
  if (rewrites_->empty()) return model;
  const auto route = route_for(model);
  return rewrites_->target(model, [&](const resources::InferenceModelRewrite& each) {
    const bool is_for_another = std::ranges::any_of(
        current(), [&](const auto& other) { return other != route && other->name() == each.pool; });
    return route == nullptr || !is_for_another;
  });
}

Router::ModelTokenizer Router::tokenizer_of(std::string_view model) {
  const std::string_view target = target_model(model, {});
  const auto route = route_for(target);
  if (route == nullptr) return {};
  ModelTokenizer out{.tokenizer = route->tokenizer()};
  for (const auto& endpoint : route->endpoints()) {
    out.max_model_len = std::max(out.max_model_len, endpoint->live.max_model_len);
  }
  return out;
}

/// Null when nobody serves the model.
std::shared_ptr<Route> Router::route_for(std::string_view model) const {
  for (const auto& route : current()) {
    if (route->serves(model)) return route;
  }
  // Without any endpoint its models are not known: this may be one.
  const bool may_come = current().size() == 1 && current().back()->is_waiting_room();
  if (!model.empty() && may_come) return current().back();
  return nullptr;
}

Refusal Router::unknown_model(std::string_view model) const {
  const auto known = collect_models(*around_.pool.snapshot(), [](const Endpoint&) { return true; });
  if (known.empty()) {
    return refusal_of(flow::Decision::kRejectedNoEndpoints, "no engine is ready yet");
  }
  const std::string names = fmt::format("{}", fmt::join(known, ", "));
  if (model.empty()) {
    return {openai::make_error(400, "the request must name a model; there is: " + names, "model")};
  }
  return {openai::make_error(
      404, fmt::format("the model \"{}\" does not exist; there is: {}", model, names), "model",
      "model_not_found")};
}

std::vector<std::string> Router::model_names() const {
  auto names = collect_models(*around_.pool.snapshot(), [](const Endpoint& endpoint) {
    return endpoint.live.health == endpoints::Health::kUp;
  });
  std::vector<std::string> aliases;
  rewrites_->for_each_alias([&](const std::string& alias, const std::string& target) {
    if (names.contains(target)) aliases.push_back(alias);
  });
  names.insert(aliases.begin(), aliases.end());
  return {names.begin(), names.end()};
}

bool Router::ready() const {
  return std::ranges::any_of(*around_.pool.snapshot(),
                             [](const auto& endpoint) { return endpoint->takes_work(); });
}

}  // namespace llmd::request
