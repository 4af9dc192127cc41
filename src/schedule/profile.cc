// SPDX-License-Identifier: Apache-2.0
#include "schedule/profile.h"

#include <algorithm>

namespace llmd::schedule {
namespace {

Explanation::Row* row_of(Explanation::Run& run, const endpoints::Endpoint* endpoint) {
  const auto found = std::ranges::find(run.rows, endpoint, &Explanation::Row::endpoint);
  return found == run.rows.end() ? nullptr : &*found;
}

/// Marks the rows whose endpoint is no longer a candidate.
void note_dropped(Explanation::Run& run, const Candidates& candidates, std::string_view filter) {
  for (Explanation::Row& row : run.rows) {
    const bool is_left = std::ranges::find(candidates, row.endpoint, [](const Candidate& each) {
                           return each.endpoint;
                         }) != candidates.end();
    if (!is_left && row.dropped_by.empty()) row.dropped_by = filter;
  }
}

}  // namespace

Result<Profile> Profile::make(const resources::SchedulingProfile& config, Registry& registry) {
  Profile profile;
  profile.name_ = config.name;
  for (const resources::ProfilePlugin& reference : config.plugins) {
    LLMD_RETURN_IF_ERROR(profile.add(reference, registry));
  }
  if (profile.picker_ == nullptr) {
    LLMD_ASSIGN_OR_RETURN(profile.picker_, registry.get_by_type<Picker>("max-score-picker"));
    profile.plugins_.push_back(profile.picker_);
  }
  return profile;
}

Result<void> Profile::add(const resources::ProfilePlugin& reference, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(Plugin* const plugin, registry.get<Plugin>(reference.plugin));
  auto* filter = dynamic_cast<Filter*>(plugin);
  auto* scorer = dynamic_cast<Scorer*>(plugin);
  auto* picker = dynamic_cast<Picker*>(plugin);
  if (filter == nullptr && scorer == nullptr && picker == nullptr) {
    return invalid_argument(reference.place + ": " + reference.plugin +
                            " is no filter, scorer or picker");
  }
  if (picker != nullptr && picker_ != nullptr) {
    return invalid_argument(reference.place + ": the profile has a picker already");
  }
  if (filter != nullptr) filters_.push_back({reference.plugin, filter});
  if (scorer != nullptr) scorers_.push_back({reference.plugin, scorer, reference.weight});
  if (picker != nullptr) picker_ = picker;
  plugins_.push_back(plugin);
  return {};
}

size_t Profile::run(const Query& query, Candidates& candidates, Random& random,
                    Explanation::Run* explanation) {
  if (explanation != nullptr) {
    explanation->profile = name_;
    for (const Candidate& each : candidates)
      explanation->rows.push_back({each.endpoint, {}, {}, 0});
  }
  filter(query, candidates, explanation);
  if (candidates.empty()) return 0;
  rate(query, candidates, explanation);
  const size_t named = picker_->pick(candidates, random);
  if (explanation != nullptr) explanation->picked = candidates.front().endpoint;
  return named;
}

void Profile::filter(const Query& query, Candidates& candidates, Explanation::Run* explanation) {
  ended_by_load_ = false;
  for (const FilterStep& step : filters_) {
    if (candidates.empty()) return;
    step.filter->apply(query, candidates);
    ended_by_load_ = candidates.empty() && step.filter->sheds_load();
    if (explanation != nullptr) note_dropped(*explanation, candidates, step.name);
  }
}

void Profile::rate(const Query& query, Candidates& candidates, Explanation::Run* explanation) {
  scores_.resize(candidates.size());
  for (const ScorerStep& step : scorers_) {
    step.scorer->score(query, candidates, scores_);
    for (size_t i = 0; i < candidates.size(); ++i) {
      const double score = std::clamp(scores_[i], 0.0, 1.0);
      candidates[i].score += step.weight * score;
      if (explanation == nullptr) continue;
      Explanation::Row& row = *row_of(*explanation, candidates[i].endpoint);
      row.scores.push_back({step.name, score, step.weight});
      row.total = candidates[i].score;
    }
  }
}

}  // namespace llmd::schedule
