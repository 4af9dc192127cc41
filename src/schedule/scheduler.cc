// SPDX-License-Identifier: Apache-2.0
#include "schedule/scheduler.h"

#include <algorithm>

namespace llmd::schedule {

ProfileConfig default_profile() {
  return {
      .filters = {"ready-filter", "model-filter", "circuit-filter"},
      .scorers = {{"prefix-cache-scorer", 3},
                  {"queue-scorer", 2},
                  {"kv-cache-utilization-scorer", 2},
                  {"active-request-scorer", 2}},
      .picker = "max-score-picker",
  };
}

Result<Profile> make_profile(const ProfileConfig& config) {
  Profile profile;
  for (const std::string& type : config.filters) {
    LLMD_ASSIGN_OR_RETURN(auto filter, make_filter(type));
    profile.filters.push_back(std::move(filter));
  }
  for (const WeightedScorer& step : config.scorers) {
    LLMD_ASSIGN_OR_RETURN(auto scorer, make_scorer(step.type));
    profile.scorers.push_back({std::move(scorer), step.weight});
  }
  LLMD_ASSIGN_OR_RETURN(profile.picker, make_picker(config.picker));
  return profile;
}

Scheduler::Scheduler(Profile profile, uint64_t seed)
    : profile_(std::move(profile)), random_(seed) {}

endpoints::Endpoint* Scheduler::pick(std::string_view model, const Prefix& prefix,
                                     const endpoints::Snapshot& snapshot,
                                     const endpoints::Snapshot& excluded, TimePoint now) {
  index_.match(prefix.hashes, matched_);
  candidates_.clear();
  for (const auto& endpoint : snapshot) {
    if (std::find(excluded.begin(), excluded.end(), endpoint) != excluded.end()) continue;
    candidates_.push_back(
        {.endpoint = endpoint.get(), .matched_units = matched_[endpoint->slot], .score = 0});
  }
  const Query query{.model = model, .prompt_units = prefix.units, .now = now};
  for (const auto& filter : profile_.filters) filter->apply(query, candidates_);
  if (candidates_.empty()) return nullptr;
  add_scores(query);
  endpoints::Endpoint* picked = profile_.picker->pick(candidates_, random_);
  index_.record(picked->slot, prefix.hashes);
  return picked;
}

void Scheduler::add_scores(const Query& query) {
  scores_.resize(candidates_.size());
  for (const ScorerStep& step : profile_.scorers) {
    step.scorer->score(query, candidates_, scores_);
    for (size_t i = 0; i < candidates_.size(); ++i) {
      candidates_[i].score += step.weight * std::clamp(scores_[i], 0.0, 1.0);
    }
  }
}

}  // namespace llmd::schedule
