// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"
#include "schedule/session_affinity.h"

namespace llmd::schedule {
namespace {

/// Keeps the session's endpoint alone, where it is among the candidates.
class SessionAffinityFilter final : public Filter {
 public:
  explicit SessionAffinityFilter(SessionAffinity affinity) : affinity_(std::move(affinity)) {}

  void apply(const Query& query, Candidates& candidates) override {
    const auto is_home = [&](const Candidate& candidate) {
      return affinity_.is_home(query, *candidate.endpoint);
    };
    const auto home = std::ranges::find_if(candidates, is_home);
    if (home == candidates.end()) return;
    candidates.front() = *home;
    candidates.resize(1);
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

Made make_session_affinity_filter(resources::Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(auto affinity, SessionAffinity::read(parameters, registry));
  return make_plugin<SessionAffinityFilter>(std::move(affinity));
}

}  // namespace llmd::schedule
