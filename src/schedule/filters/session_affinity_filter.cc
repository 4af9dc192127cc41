// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"
#include "schedule/session_affinity.h"

namespace llmd::schedule {
namespace {

/// Keeps the session's endpoint alone, where it is among the candidates.
class SessionAffinityFilter final : public Filter, public SessionAffinity {
 public:
  using SessionAffinity::SessionAffinity;

  void apply(const Query& query, Candidates& candidates) override {
    const auto home = std::ranges::find_if(
        candidates, [&](const Candidate& each) { return is_home(query, *each.endpoint); });
    if (home == candidates.end()) return;
    candidates.front() = *home;
    candidates.resize(1);
  }
};

}  // namespace

Made make_session_affinity_filter(resources::Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(auto options, SessionAffinity::read(parameters, registry));
  return make_plugin<SessionAffinityFilter>(std::move(options));
}

}  // namespace llmd::schedule
