// SPDX-License-Identifier: Apache-2.0
#include "request/route.h"

#include <algorithm>

#include "base/log.h"
#include "flow/without_queue.h"

namespace llmd::request {
namespace {

Result<flow::Config> read_flow(const resources::EndpointPickerConfig& config) {
  LLMD_ASSIGN_OR_RETURN(auto fields,
                        resources::Fields::of_optional(config.flow, "flowControl", config.file));
  return flow::parse_config(fields, config.plugins);
}

}  // namespace

Route::Route(RouteConfig config, const Surroundings& around)
    : config_(std::move(config)), clock_(around.clock) {}

Result<std::shared_ptr<Route>> Route::make(const RouteConfig& config,
                                           std::vector<resources::InferenceObjective> objectives,
                                           const Surroundings& around, const Route* before,
                                           Tokenizers& tokenizers) {
  std::shared_ptr<Route> route(new Route(config, around));
  const auto* known = before == nullptr ? nullptr : before->scheduler_.get();
  LLMD_RETURN_IF_ERROR(route->build(around, known));
  route->find_tokenizer(tokenizers, around.registry);
  for (auto& objective : objectives) route->priorities_[objective.name] = objective.priority;
  return route;
}

Result<void> Route::build(const Surroundings& around, const schedule::Scheduler* before) {
  LLMD_ASSIGN_OR_RETURN(scheduler_,
                        schedule::Scheduler::make(config_.scheduling, around.seed, before));
  for (const std::string& warning : scheduler_->warnings()) log::warn("{}", warning);
  LLMD_ASSIGN_OR_RETURN(auto flow_config, read_flow(config_.scheduling));
  detector_ = flow_config.detector;
  if (!config_.scheduling.flow_control) return {};
  evicts_ = flow_config.evicts_running;
  queue_ = std::make_unique<flow::Controller>(std::move(flow_config), clock_, around.call_after,
                                              around.registry, config_.name,
                                              [this](flow::Controller::Id id) {
                                                const auto found = revocable_.find(id);
                                                if (found == revocable_.end()) return;
                                                const auto revoke = std::move(found->second);
                                                revocable_.erase(found);
                                                revoke();
                                              });
  return {};
}

/// Without it the route works by the prompts' bytes, which is said.
void Route::find_tokenizer(Tokenizers& tokenizers, observe::Registry& registry) {
  if (!scheduler_->wants_token_keys()) return;
  std::string path = scheduler_->tokenizer_path(config_.model_name);
  if (path.empty()) path = config_.tokenizer;
  std::string problem = "no model directory is known (token-producer: path)";
  if (!path.empty()) {
    auto loaded = tokenizers.load(path);
    if (loaded) {
      tokenizer_ = *std::move(loaded);
    } else {
      problem = loaded.error().message;
    }
  }
  registry
      .gauge("llmd_pool_tokenizer_loaded", "Whether prompts for the pool are tokenized.",
             {{"pool", config_.name}})
      .set(tokenizer_ == nullptr ? 0 : 1);
  if (tokenizer_ == nullptr) {
    log::warn("pool {}: prompts are placed by their bytes, not their tokens: {}", config_.name,
              problem);
  }
}

bool Route::serves(std::string_view model) const {
  if (!config_.model_name.empty() && model == config_.model_name) return true;
  return std::ranges::any_of(endpoints_,
                             [&](const auto& endpoint) { return endpoint->live.serves(model); });
}

std::string_view Route::adapter_of(std::string_view model) const {
  const bool is_adapter = std::ranges::any_of(endpoints_, [&](const auto& endpoint) {
    return std::ranges::find(endpoint->live.adapters, model) != endpoint->live.adapters.end();
  });
  return is_adapter ? model : std::string_view();
}

int32_t Route::priority_of(std::string_view objective) const {
  if (objective.empty() || priorities_.empty()) return 0;
  const auto found = priorities_.find(std::string(objective));
  return found == priorities_.end() ? 0 : found->second;
}

void Route::set_endpoints(endpoints::Snapshot endpoints) {
  endpoints_ = std::move(endpoints);
  by_slot_.assign(endpoints::kEndpointsMax, nullptr);
  for (const auto& endpoint : endpoints_) by_slot_[endpoint->slot] = endpoint.get();
  count_ready();
  let_go();
}

bool Route::has(const endpoints::Endpoint& endpoint) const {
  return endpoint.slot < by_slot_.size() && by_slot_[endpoint.slot] == &endpoint;
}

/// An endpoint that cannot serve has no room.
void Route::count_ready() {
  ready_.assign(endpoints::kEndpointsMax, false);
  endpoints::Snapshot ready;
  for (const auto& endpoint : endpoints_) {
    if (!endpoint->takes_work()) continue;
    ready_[endpoint->slot] = true;
    ready.push_back(endpoint);
  }
  detector_->set_endpoints(ready, clock_.now());
}

void Route::endpoint_changed(const endpoints::Endpoint& endpoint) {
  if (!has(endpoint)) return;
  scheduler_->watch(endpoint);
  if (endpoint.takes_work() != ready_[endpoint.slot]) {
    count_ready();
  } else {
    detector_->refresh(endpoint, clock_.now());
  }
  let_go();
}

void Route::load_changed(const endpoints::Endpoint& endpoint) {
  if (has(endpoint)) detector_->refresh(endpoint, clock_.now());
}

void Route::let_go() {
  if (queue_ != nullptr) queue_->capacity_changed();
}

Route::Entry Route::enter(const flow::Request& request, flow::Controller::Decided decided,
                          std::function<void()> revoked) {
  if (queue_ == nullptr) {
    return {{}, flow::decide_without_queue(request.priority, *detector_, clock_.now())};
  }
  const auto entered = queue_->enqueue(request, std::move(decided));
  const bool is_in = !entered.decision || *entered.decision == flow::Decision::kDispatched;
  if (!is_in) return {{}, entered.decision};
  if (evicts_) revocable_.emplace(entered.id, std::move(revoked));
  return {entered.id, entered.decision};
}

void Route::leave(flow::Controller::Id id, const flow::Served& served) {
  revocable_.erase(id);
  if (!queue_->cancel(id)) queue_->finished(id, served);
}

void Route::shutdown() {
  if (queue_ != nullptr) queue_->shutdown();
}

void Route::publish_metrics(observe::Registry& registry) {
  scheduler_->publish_metrics(registry, config_.name);
  if (queue_ != nullptr) queue_->publish_metrics();
}

}  // namespace llmd::request
