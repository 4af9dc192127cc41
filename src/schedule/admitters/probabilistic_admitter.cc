// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

struct AdmitterOptions {
  double queue_depth_threshold = 5;
  double kv_cache_util_threshold = 0.8;
  double power = 5;
  double k = 300;
};

/// Refuses requests of negative priority with probability min(saturation^power × k, 1).
class ProbabilisticAdmitter final : public Admitter {
 public:
  explicit ProbabilisticAdmitter(const AdmitterOptions& options) : options_(options) {}

  bool admits(const Query& query, std::span<const Candidate> candidates, Random& random) override {
    if (query.priority >= 0 || candidates.empty()) return true;
    const double refused = std::pow(saturation(candidates), options_.power) * options_.k;
    return random.next_unit() >= refused;
  }

 private:
  double saturation(std::span<const Candidate> candidates) const {
    double sum = 0;
    for (const Candidate& candidate : candidates) {
      const endpoints::Live& live = candidate.endpoint->live;
      sum += std::max(live.waiting_requests() / options_.queue_depth_threshold,
                      live.scrape.kv_usage / options_.kv_cache_util_threshold);
    }
    return sum / static_cast<double>(candidates.size());
  }

  AdmitterOptions options_;
};

}  // namespace

Made make_probabilistic_admitter(resources::Fields& parameters, Registry&) {
  constexpr double kMax = 1e12;
  AdmitterOptions options;
  const auto read = [&](std::string_view key, double& out, double max) -> Result<void> {
    LLMD_ASSIGN_OR_RETURN(out, parameters.decimal(key, out, max));
    if (out > 0) return {};
    return parameters.error(key, "must be above 0");
  };
  LLMD_RETURN_IF_ERROR(read("queueDepthThreshold", options.queue_depth_threshold, kMax));
  LLMD_RETURN_IF_ERROR(read("kvCacheUtilThreshold", options.kv_cache_util_threshold, 1));
  LLMD_RETURN_IF_ERROR(read("power", options.power, kMax));
  LLMD_RETURN_IF_ERROR(read("k", options.k, kMax));
  return make_plugin<ProbabilisticAdmitter>(options);
}

}  // namespace llmd::schedule
