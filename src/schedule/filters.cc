// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// Keeps endpoints whose engine answers its health check.
class ReadyFilter final : public Filter {
 public:
  void apply(const Query&, std::vector<Candidate>& candidates) const override {
    std::erase_if(candidates, [](const Candidate& candidate) {
      return candidate.endpoint->live.health != endpoints::Health::kUp;
    });
  }
};

/// Keeps endpoints that serve the model asked for.
class ModelFilter final : public Filter {
 public:
  void apply(const Query& query, std::vector<Candidate>& candidates) const override {
    std::erase_if(candidates, [&](const Candidate& candidate) {
      return !candidate.endpoint->live.serves(query.model);
    });
  }
};

/// Drops endpoints that just failed, unless no other is left: they are the last choice, not none.
class CircuitFilter final : public Filter {
 public:
  void apply(const Query& query, std::vector<Candidate>& candidates) const override {
    const auto is_avoided = [&](const Candidate& candidate) {
      return candidate.endpoint->live.avoid_until > query.now;
    };
    if (std::all_of(candidates.begin(), candidates.end(), is_avoided)) return;
    std::erase_if(candidates, is_avoided);
  }
};

}  // namespace

std::unique_ptr<Filter> make_ready_filter() { return std::make_unique<ReadyFilter>(); }
std::unique_ptr<Filter> make_model_filter() { return std::make_unique<ModelFilter>(); }
std::unique_ptr<Filter> make_circuit_filter() { return std::make_unique<CircuitFilter>(); }

}  // namespace llmd::schedule
