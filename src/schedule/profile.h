// SPDX-License-Identifier: Apache-2.0
// A scheduling profile: its filters, then its scorers, then its picker, over the candidates.
#pragma once

#include <string>
#include <vector>

#include "resources/endpoint_picker_config.h"
#include "schedule/explanation.h"
#include "schedule/plugin.h"
#include "schedule/registry.h"

namespace llmd::schedule {

/// Loop thread only. Allocates nothing per run once warm.
class Profile {
 public:
  /// Refuses references to unknown plugins, plugins that are no filter, scorer or picker, and a
  /// second picker. Without a picker, max-score-picker.
  static Result<Profile> make(const resources::SchedulingProfile& config, Registry& registry);

  const std::string& name() const { return name_; }
  /// Every plugin in it, each once.
  const std::vector<Plugin*>& plugins() const { return plugins_; }

  /// Leaves in `candidates` what filters keep, in the picker's order, and says how many of them
  /// the picker names: 0 when filters left none.
  size_t run(const Query& query, Candidates& candidates, Random& random,
             Explanation::Run* explanation);
  /// Whether the last run() left none because those that there were are busy.
  bool ended_by_load() const { return ended_by_load_; }

 private:
  struct FilterStep {
    std::string name;
    Filter* filter;
  };
  struct ScorerStep {
    std::string name;
    Scorer* scorer;
    double weight;
  };

  Result<void> add(const resources::ProfilePlugin& reference, Registry& registry);
  void filter(const Query& query, Candidates& candidates, Explanation::Run* explanation);
  void rate(const Query& query, Candidates& candidates, Explanation::Run* explanation);

  std::string name_;
  std::vector<FilterStep> filters_;
  std::vector<ScorerStep> scorers_;
  Picker* picker_ = nullptr;
  std::vector<Plugin*> plugins_;
  std::vector<double> scores_;  ///< scratch
  bool ended_by_load_ = false;
};

}  // namespace llmd::schedule
