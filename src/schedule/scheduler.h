// SPDX-License-Identifier: Apache-2.0
// Picks the endpoint of one request: prefix lookup, filters, scorers, picker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "endpoints/pool.h"
#include "schedule/plugin.h"
#include "schedule/prefix_hash.h"
#include "schedule/prefix_index.h"

namespace llmd::schedule {

struct WeightedScorer {
  std::string type;
  double weight = 1;
};

/// Plugin types in the order in which they run.
struct ProfileConfig {
  std::vector<std::string> filters;
  std::vector<WeightedScorer> scorers;
  std::string picker;
};

/// Cache affinity first: a full match outweighs any difference in active requests, but not once
/// requests wait there and nowhere else.
ProfileConfig default_profile();

struct ScorerStep {
  std::unique_ptr<Scorer> scorer;
  double weight = 1;
};

struct Profile {
  std::vector<std::unique_ptr<Filter>> filters;
  std::vector<ScorerStep> scorers;
  std::unique_ptr<Picker> picker;
};

/// Refuses unknown plugin types.
Result<Profile> make_profile(const ProfileConfig& config);

/// Loop thread only. Allocates nothing per decision once warm.
class Scheduler {
 public:
  Scheduler(Profile profile, uint64_t seed);

  /// The endpoint for the request among `snapshot` without `excluded`; null when filters leave
  /// none. Counts the prompt as cached there.
  endpoints::Endpoint* pick(std::string_view model, const Prefix& prefix,
                            const endpoints::Snapshot& snapshot,
                            const endpoints::Snapshot& excluded, TimePoint now);

  PrefixIndex& prefix_index() { return index_; }

 private:
  void add_scores(const Query& query);

  Profile profile_;
  PrefixIndex index_;
  Random random_;
  PrefixIndex::UnitsBySlot matched_{};  // scratch
  std::vector<Candidate> candidates_;   // scratch
  std::vector<double> scores_;          // scratch
};

}  // namespace llmd::schedule
