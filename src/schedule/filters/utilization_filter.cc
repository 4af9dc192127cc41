// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// What a condition looks at.
enum class Metric : uint8_t {
  kActiveRequests,
  kRunningRequests,
  kWaitingQueue,
  kKvCacheUtilization
};

struct Condition {
  Metric metric = Metric::kWaitingQueue;
  double max = 0;
};

double value_of(Metric metric, const endpoints::Live& live) {
  switch (metric) {
    case Metric::kActiveRequests:
      return live.in_flight;
    case Metric::kRunningRequests:
      return live.scrape.running;
    case Metric::kWaitingQueue:
      return live.waiting_requests();
    case Metric::kKvCacheUtilization:
      return live.scrape.kv_usage;
  }
  return 0;
}

/// Keeps endpoints that are below every limit.
class UtilizationFilter final : public Filter {
 public:
  UtilizationFilter(std::vector<Condition> conditions, bool fallback_on_empty)
      : conditions_(std::move(conditions)), fallback_on_empty_(fallback_on_empty) {}

  bool sheds_load() const override { return true; }
  void apply(const Query&, Candidates& candidates) override {
    const auto is_over = [this](const Candidate& candidate) {
      return std::ranges::any_of(conditions_, [&](const Condition& condition) {
        return value_of(condition.metric, candidate.endpoint->live) > condition.max;
      });
    };
    if (fallback_on_empty_ && std::ranges::all_of(candidates, is_over)) return;
    std::erase_if(candidates, is_over);
  }

 private:
  std::vector<Condition> conditions_;
  bool fallback_on_empty_;
};

Result<Condition> read_condition(resources::Fields& fields) {
  constexpr double kMax = 1e9;
  Condition out;
  LLMD_ASSIGN_OR_RETURN(const std::string metric, fields.text("metric", ""));
  if (metric == "active-requests") {
    out.metric = Metric::kActiveRequests;
  } else if (metric == "running-requests") {
    out.metric = Metric::kRunningRequests;
  } else if (metric == "waiting-queue") {
    out.metric = Metric::kWaitingQueue;
  } else if (metric == "kv-cache-utilization") {
    out.metric = Metric::kKvCacheUtilization;
  } else {
    return fields.error("metric",
                        "must be active-requests, running-requests, waiting-queue or "
                        "kv-cache-utilization");
  }
  LLMD_RETURN_IF_ERROR(fields.require("maxValue"));
  const double max = out.metric == Metric::kKvCacheUtilization ? 1 : kMax;
  LLMD_ASSIGN_OR_RETURN(out.max, fields.decimal("maxValue", 0, max));
  LLMD_RETURN_IF_ERROR(fields.done());
  return out;
}

}  // namespace

Made make_utilization_filter(resources::Fields& parameters, Registry& registry) {
  LLMD_RETURN_IF_ERROR(parameters.require("conditions"));
  LLMD_ASSIGN_OR_RETURN(auto maps, parameters.maps("conditions"));
  std::vector<Condition> conditions;
  for (resources::Fields& each : maps) {
    LLMD_ASSIGN_OR_RETURN(const Condition condition, read_condition(each));
    conditions.push_back(condition);
  }
  LLMD_ASSIGN_OR_RETURN(const bool fallback_on_empty, parameters.boolean("fallbackOnEmpty", false));
  LLMD_RETURN_IF_ERROR(registry.read_load_producer(parameters));
  return make_plugin<UtilizationFilter>(std::move(conditions), fallback_on_empty);
}

}  // namespace llmd::schedule
