// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// How often a token that was computed is found in a cache afterwards, over the last few million.
class Reuse {
 public:
  void note(double computed, double found) {
    computed_ += computed;
    found_ += found;
    if (computed_ + found_ < kTokensRemembered) return;
    computed_ /= 2;
    found_ /= 2;
  }
  double get() const { return found_ / computed_; }

 private:
  static constexpr double kTokensRemembered = 8e6;

  // Until it is known, what is kept together is taken to be worth it.
  double computed_ = 125'000;
  double found_ = 1'000'000;
};

/// How much each endpoint got of prompts that nobody had cached; the older the less it counts.
class NewTokens {
 public:
  double at(uint32_t slot) const { return slot < tokens_.size() ? tokens_[slot] : 0; }
  void add(uint32_t slot, double tokens) {
    if (slot >= tokens_.size()) tokens_.resize(slot + 1);
    tokens_[slot] += tokens;
    sum_ += tokens;
    if (sum_ < kTokensRemembered) return;
    sum_ /= 2;
    for (double& each : tokens_) each /= 2;
  }
  void forget(uint32_t slot) {
    sum_ -= at(slot);
    if (slot < tokens_.size()) tokens_[slot] = 0;
  }

 private:
  static constexpr double kTokensRemembered = 2e6;

  std::vector<double> tokens_;  ///< by slot
  double sum_ = 0;
};

/// Prefix, load and cost in one currency: the seconds by which first tokens come later, the
/// request's own and others', if it goes there. The cheapest endpoint scores 1, others its cost
/// over theirs.
///
///   cost = 4 × ahead + queue + own × (1 + active + reuse × later)
///
/// ahead:  what it takes to compute the prompts that are there already, at the learned rate; the
///         request waits for them, and with it whoever comes next
/// queue:  a turn for each request that waits, and for those that will for memory: next to none
///         before it is nearly full, usage¹⁶ / (1 - usage)
/// own:    what it takes to compute those tokens of the prompt that are not cached there
/// active: each answer that runs there is held up meanwhile
/// later:  a copy costs again what it displaces, reuse times: 2 × (1 + active). A prompt that is
///         new everywhere will be followed by all that begin like it, so it goes where such ones
///         went least: 64 × what the endpoint got of them over the mean
class ExpectedTtftScorer final : public Scorer {
 public:
  explicit ExpectedTtftScorer(PrefixProducer& prefixes) : prefixes_(prefixes) {}

  void score(const Query& query, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    survey(query, candidates);
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = cost_s(query, *candidates[i].endpoint);
    }
    const double least = std::ranges::min(scores);
    for (double& score : scores) score = least / score;
  }
  void placed(const Query& query, const endpoints::Endpoint& endpoint) override {
    const double computed = uncached_tokens(query, endpoint);
    reuse_.note(computed, query.prompt_tokens - computed);
    if (is_new_) new_tokens_.add(endpoint.slot, computed);
  }
  void forget(uint32_t slot) override { new_tokens_.forget(slot); }

 private:
  // Found by search in bench/routing/; none is about hardware. What else was tried, and where it
  // loses: docs/performance.md.
  static constexpr double kAhead = 4;
  static constexpr double kCopy = 2;
  static constexpr double kFirst = 64;

  /// What the costs of all candidates depend on.
  void survey(const Query& query, std::span<const Candidate> candidates) {
    const auto count = static_cast<double>(candidates.size());
    is_new_ = query.prefix->prompts() > 0;
    new_tokens_mean_ = 1;
    for (const Candidate& each : candidates) {
      const uint32_t slot = each.endpoint->slot;
      if (prefixes_.matched_tokens(slot) * 2 > query.prompt_tokens) is_new_ = false;
      new_tokens_mean_ += new_tokens_.at(slot) / count;
    }
  }

  double cost_s(const Query& query, const endpoints::Endpoint& endpoint) const {
    const endpoints::Live& live = endpoint.live;
    const double active = live.active_requests();
    const double token_s = live.rate.seconds_per_token();
    const double ahead_s = static_cast<double>(live.prefill_tokens) * token_s;
    const double own_s = uncached_tokens(query, endpoint) * token_s;
    return kAhead * ahead_s + queue_s(live) +
           own_s * (1 + active + reuse_.get() * later(endpoint, active));
  }

  static double queue_s(const endpoints::Live& live) {
    constexpr double kFull = 0.999;
    const endpoints::PresumedLoad load = live.presumed();
    const double used = std::min(load.kv_usage, kFull);
    const double turn_s = live.rate.answer_s() / std::max(load.running, 1.0);
    double steep = used;
    for (int doubling = 0; doubling < 4; ++doubling) steep *= steep;
    return (load.waiting + steep / (1 - used)) * turn_s;
  }

  double later(const endpoints::Endpoint& endpoint, double active) const {
    if (!is_new_) return kCopy * (1 + active);
    return kFirst * new_tokens_.at(endpoint.slot) / new_tokens_mean_;
  }

  /// At least the one that the engine always computes.
  double uncached_tokens(const Query& query, const endpoints::Endpoint& endpoint) const {
    const uint32_t cached = std::min(prefixes_.matched_tokens(endpoint.slot), query.prompt_tokens);
    return std::max(query.prompt_tokens - cached, 1U);
  }

  PrefixProducer& prefixes_;
  Reuse reuse_;
  NewTokens new_tokens_;
  // Of the last request:
  bool is_new_ = false;  ///< no candidate has most of it, and it can be found again
  double new_tokens_mean_ = 1;
};

}  // namespace

Made make_expected_ttft_scorer(resources::Fields& parameters, Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(PrefixProducer* const prefixes, registry.read_prefix_producer(parameters));
  return make_plugin<ExpectedTtftScorer>(*prefixes);
}

}  // namespace llmd::schedule
