// SPDX-License-Identifier: Apache-2.0
#include "schedule/plugins.h"
#include "schedule/session_affinity.h"

namespace llmd::schedule {
namespace {

/// 1 for the session's endpoint, 0 for others.
class SessionAffinityScorer final : public Scorer {
 public:
  explicit SessionAffinityScorer(SessionAffinity affinity) : affinity_(std::move(affinity)) {}

  void score(const Query& query, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = affinity_.is_home(query, *candidates[i].endpoint) ? 1 : 0;
    }
  }
  void placed(const Query& query, const endpoints::Endpoint& endpoint) override {
    affinity_.remember(query, endpoint);
  }
  void add_response_headers(const endpoints::Endpoint& endpoint, std::string& head) override {
    affinity_.add_response_headers(endpoint, head);
  }

 private:
  SessionAffinity affinity_;
};

}  // namespace

Made make_session_affinity_scorer(resources::Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(auto affinity, SessionAffinity::read(parameters, registry));
  return make_plugin<SessionAffinityScorer>(std::move(affinity));
}

}  // namespace llmd::schedule
