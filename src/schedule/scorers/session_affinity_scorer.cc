// SPDX-License-Identifier: Apache-2.0
#include "schedule/plugins.h"
#include "schedule/session_affinity.h"

namespace llmd::schedule {
namespace {

/// 1 for the session's endpoint, 0 for others.
class SessionAffinityScorer final : public Scorer, public SessionAffinity {
 public:
  using SessionAffinity::SessionAffinity;

  void score(const Query& query, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = is_home(query, *candidates[i].endpoint) ? 1 : 0;
    }
  }
};

}  // namespace

Made make_session_affinity_scorer(resources::Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(auto options, SessionAffinity::read(parameters, registry));
  return make_plugin<SessionAffinityScorer>(std::move(options));
}

}  // namespace llmd::schedule
