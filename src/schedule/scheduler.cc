// SPDX-License-Identifier: Apache-2.0
#include "schedule/scheduler.h"

#include <algorithm>

#include "base/text.h"
#include "schedule/producers/token_producer.h"

namespace llmd::schedule {
namespace {

/// A handler cannot ask for more; the bound keeps a faulty one from looping.
constexpr size_t kProfilesMax = 16;

bool contains(const endpoints::Snapshot& snapshot, const endpoints::Endpoint* endpoint) {
  return std::ranges::any_of(snapshot, [&](const auto& each) { return each.get() == endpoint; });
}

/// Whether a list of "address[:port],…" names the endpoint.
bool is_listed(const endpoints::Endpoint& endpoint, std::string_view list) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view entry = trim(list.substr(0, comma));
    if (entry == endpoint.host_port || entry == endpoint.spec.address) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// Why it cannot serve the request; empty when it can.
std::string_view unfit(const Query& query, const endpoints::Endpoint& endpoint) {
  if (endpoint.live.health != endpoints::Health::kUp) return "not ready";
  if (endpoint.is_draining) return "is draining";
  if (!endpoint.live.serves(query.model)) return "serves another model";
  if (query.subset && !is_listed(endpoint, *query.subset)) return "outside the subset";
  return {};
}

/// Endpoints with an open circuit are the last choice: dropped while enough others are left.
void drop_failing(const Query& query, Candidates& candidates, Explanation* explanation) {
  const auto is_failing = [&](const Candidate& each) {
    return !each.endpoint->live.circuit.admits(query.now);
  };
  const auto failing = static_cast<size_t>(std::ranges::count_if(candidates, is_failing));
  if (!endpoints::Circuit::may_leave_out(failing, candidates.size())) return;
  if (explanation != nullptr) {
    for (const Candidate& each : candidates) {
      if (is_failing(each)) explanation->unfit.push_back({each.endpoint, "failed just now"});
    }
  }
  std::erase_if(candidates, is_failing);
}

}  // namespace

Scheduler::Scheduler(std::unique_ptr<Registry> registry, uint64_t seed)
    : registry_(std::move(registry)),
      prefix_blocks_max_(blocks_of(kPrefixTokensMax)),
      random_(seed) {}

Result<std::unique_ptr<Scheduler>> Scheduler::make(const resources::EndpointPickerConfig& config,
                                                   uint64_t seed, const Scheduler* before) {
  const Registry* known = before == nullptr ? nullptr : before->registry_.get();
  std::unique_ptr<Scheduler> scheduler(
      new Scheduler(std::make_unique<Registry>(config.plugins, config.file, seed, known), seed));
  LLMD_RETURN_IF_ERROR(scheduler->build(config));
  return scheduler;
}

Result<void> Scheduler::build(const resources::EndpointPickerConfig& config) {
  LLMD_RETURN_IF_ERROR(registry_->make_all());
  std::vector<std::string> names;
  for (const resources::SchedulingProfile& each : config.profiles) {
    LLMD_ASSIGN_OR_RETURN(auto profile, Profile::make(each, *registry_));
    names.push_back(profile.name());
    profiles_.push_back(std::move(profile));
  }
  const auto handlers = registry_->all<ProfileHandler>();
  if (handlers.size() > 1) return invalid_argument(config.file + ": more than one profile handler");
  if (!handlers.empty()) {
    handler_ = handlers.front();
  } else {
    LLMD_ASSIGN_OR_RETURN(handler_, registry_->get<ProfileHandler>("single-profile-handler"));
  }
  if (const auto used = handler_->use_profiles(names); !used) {
    return invalid_argument(config.file + ": " + used.error().message);
  }
  LLMD_ASSIGN_OR_RETURN(counting_,
                        registry_->get_by_type<InflightLoadProducer>("inflight-load-producer"));
  if (registry_->all<CoreMetricsExtractor>().size() > 1) {
    return invalid_argument(config.file + ": more than one core-metrics-extractor");
  }
  LLMD_ASSIGN_OR_RETURN(extractor_,
                        registry_->get_by_type<CoreMetricsExtractor>(kCoreMetricsExtractor));
  producers_ = registry_->all<Producer>();
  admitters_ = registry_->all<Admitter>();
  tenant_readers_ = registry_->all<TenantReader>();
  plugins_ = registry_->all<Plugin>();
  const auto says_estimate = [](const TokenProducer* each) { return !each->options().tokenizes; };
  wants_token_keys_ = std::ranges::any_of(plugins_, &Plugin::wants_token_keys) &&
                      std::ranges::none_of(registry_->all<TokenProducer>(), says_estimate);
  return {};
}

std::string Scheduler::tokenizer_path(std::string_view model) const {
  for (const TokenProducer* each : registry_->all<TokenProducer>()) {
    const auto& [tokenizes, path, of_model] = each->options();
    if (model.empty() || of_model.empty() || of_model == model) return path;
  }
  return {};
}

Decision Scheduler::schedule(const Query& query, const endpoints::Snapshot& snapshot,
                             const endpoints::Snapshot& excluded, Explanation* explanation) {
  if (explanation != nullptr) explanation->prompt_tokens = query.prompt_tokens;
  collect(query, snapshot, excluded, explanation);
  for (Producer* producer : producers_) producer->produce(query);
  done_.clear();
  ran_.clear();
  Query asked = query;
  while (done_.size() < kProfilesMax) {
    const auto next = handler_->next(query, done_);
    if (!next) break;
    run_profile(*next, asked, explanation);
    asked.peer = done_.front().endpoint;
  }
  Decision decision;
  if (done_.empty()) return decision;
  const size_t primary = handler_->primary(done_);
  decision.endpoint = done_[primary].endpoint;
  if (decision.endpoint == nullptr) {
    decision.all_busy = profiles_[ran_[primary]].ended_by_load();
    return decision;
  }
  for (size_t i = 0; i < done_.size(); ++i) {
    if (i != primary) decision.prefill = done_[i].endpoint;
  }
  const endpoints::Endpoint& computes_prompt =
      decision.prefill == nullptr ? *decision.endpoint : *decision.prefill;
  decision.prompt_tokens = counting_->prompt_tokens(query, computes_prompt);
  decision.output_tokens = counting_->output_tokens(query);
  return decision;
}

void Scheduler::collect(const Query& query, const endpoints::Snapshot& snapshot,
                        const endpoints::Snapshot& excluded, Explanation* explanation) {
  fit_.clear();
  for (const auto& endpoint : snapshot) {
    std::string_view why = unfit(query, *endpoint);
    if (why.empty() && contains(excluded, endpoint.get())) why = "tried already";
    if (why.empty()) {
      fit_.push_back({.endpoint = endpoint.get(), .score = 0});
    } else if (explanation != nullptr) {
      explanation->unfit.push_back({endpoint.get(), why});
    }
  }
  drop_failing(query, fit_, explanation);
}

void Scheduler::run_profile(size_t index, const Query& query, Explanation* explanation) {
  candidates_.assign(fit_.begin(), fit_.end());
  Explanation::Run* run = explanation == nullptr ? nullptr : &explanation->runs.emplace_back();
  const size_t named = profiles_[index].run(query, candidates_, random_, run);
  ran_.push_back(index);
  done_.push_back({profiles_[index].name(), named == 0 ? nullptr : candidates_.front().endpoint});
}

void Scheduler::placed(const Query& query) {
  for (size_t i = 0; i < done_.size(); ++i) {
    const endpoints::Endpoint* endpoint = done_[i].endpoint;
    if (endpoint == nullptr) continue;
    for (Producer* producer : producers_) producer->placed(query, *endpoint);
    for (Plugin* plugin : profiles_[ran_[i]].plugins()) plugin->placed(query, *endpoint);
  }
}

std::string_view Scheduler::tenant(std::span<const http::Header> headers) const {
  for (const TenantReader* reader : tenant_readers_) {
    if (const auto tenant = reader->tenant(headers); !tenant.empty()) return tenant;
  }
  return {};
}

bool Scheduler::admits(const Query& query, const endpoints::Snapshot& snapshot) {
  if (admitters_.empty()) return true;
  collect(query, snapshot, {}, nullptr);
  return std::ranges::all_of(
      admitters_, [&](Admitter* admitter) { return admitter->admits(query, fit_, random_); });
}

void Scheduler::add_response_headers(const endpoints::Endpoint& endpoint, std::string& head) {
  for (Plugin* plugin : plugins_) plugin->add_response_headers(endpoint, head);
}

void Scheduler::watch(const endpoints::Endpoint& endpoint) {
  for (Plugin* plugin : plugins_) plugin->watch(endpoint);
}

void Scheduler::publish_metrics(observe::Registry& registry, const std::string& pool) const {
  for (const Plugin* plugin : plugins_) plugin->publish_metrics(registry, pool);
}

void Scheduler::forget(uint32_t slot) {
  for (Plugin* plugin : plugins_) plugin->forget(slot);
}

}  // namespace llmd::schedule
