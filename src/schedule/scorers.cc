// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// (max - waiting) / (max - min); 1 for all when equal.
class QueueScorer final : public Scorer {
 public:
  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) const override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = candidates[i].endpoint->live.waiting_requests();
    }
    const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
    const double min = *low;
    const double max = *high;
    for (double& score : scores) score = max > min ? (max - score) / (max - min) : 1;
  }
};

/// 1 when idle, else (max - active) / max.
class ActiveRequestScorer final : public Scorer {
 public:
  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) const override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = candidates[i].endpoint->live.active_requests();
    }
    const double max = *std::max_element(scores.begin(), scores.end());
    for (double& score : scores) score = max > 0 ? (max - score) / max : 1;
  }
};

/// The free share of the KV cache.
class KvCacheUtilizationScorer final : public Scorer {
 public:
  void score(const Query&, std::span<const Candidate> candidates,
             std::span<double> scores) const override {
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = 1 - candidates[i].endpoint->live.scrape.kv_usage;
    }
  }
};

/// The share of the prompt that is probably cached there.
class PrefixCacheScorer final : public Scorer {
 public:
  void score(const Query& query, std::span<const Candidate> candidates,
             std::span<double> scores) const override {
    const double total = std::max<uint32_t>(query.prompt_units, 1);
    for (size_t i = 0; i < candidates.size(); ++i) scores[i] = candidates[i].matched_units / total;
  }
};

}  // namespace

std::unique_ptr<Scorer> make_queue_scorer() { return std::make_unique<QueueScorer>(); }
std::unique_ptr<Scorer> make_active_request_scorer() {
  return std::make_unique<ActiveRequestScorer>();
}
std::unique_ptr<Scorer> make_kv_cache_utilization_scorer() {
  return std::make_unique<KvCacheUtilizationScorer>();
}
std::unique_ptr<Scorer> make_prefix_cache_scorer() { return std::make_unique<PrefixCacheScorer>(); }

}  // namespace llmd::schedule
