// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// Prefix, load and cost in one currency: the seconds until first tokens, its own and others', that
/// the request costs if it goes there. Its own are for the tokens ahead of it and those of its own
/// that are not cached, at the rate that was learned of the endpoint, and a turn for each request
/// that waits there; and each answer that runs there is held up while its prompt is computed. The
/// cheapest scores 1, others its cost over theirs.
class ExpectedTtftScorer final : public Scorer {
 public:
  explicit ExpectedTtftScorer(PrefixProducer& prefixes) : prefixes_(prefixes) {}

  void score(const Query& query, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = cost_s(query, *candidates[i].endpoint);
    }
    const double least = std::ranges::min(scores);
    for (double& score : scores) score = least / score;
  }

 private:
  double cost_s(const Query& query, const endpoints::Endpoint& endpoint) const {
    const endpoints::Live& live = endpoint.live;
    const double requests = live.active_requests();
    const double ahead = static_cast<double>(live.prefill_tokens);
    const double first_token_s = live.rate.first_token_s(ahead + own_tokens(query, endpoint));
    const double turn_s = live.rate.answer_s() / std::max(live.scrape.running, 1.0);
    const double held_up_s = work_tokens(query, endpoint) * live.rate.seconds_per_token();
    return first_token_s + live.presumed().waiting * turn_s + requests * held_up_s;
  }

  double own_tokens(const Query& query, const endpoints::Endpoint& endpoint) const {
    const uint32_t cached = std::min(prefixes_.matched_tokens(endpoint.slot), query.prompt_tokens);
    return query.prompt_tokens - cached;
  }
  /// In a full cache what comes new drives out as much that will have to be computed again.
  double work_tokens(const Query& query, const endpoints::Endpoint& endpoint) const {
    const double own = own_tokens(query, endpoint);
    return prefixes_.is_full(endpoint.slot) ? 2 * own : own;
  }

  PrefixProducer& prefixes_;
};

}  // namespace

Made make_expected_ttft_scorer(resources::Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(PrefixProducer* const prefixes, registry.read_prefix_producer(parameters));
  return make_plugin<ExpectedTtftScorer>(*prefixes);
}

}  // namespace llmd::schedule
