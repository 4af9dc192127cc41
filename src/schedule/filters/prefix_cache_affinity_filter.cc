// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

struct AffinityOptions {
  double threshold = 0.8;
  double exploration_probability = 0;
  double max_ttft_penalty_ms = 18000;
  double max_tokens_in_flight_penalty = 0;  ///< 0: no bound
  double peak_prefill_throughput = 15928;   ///< tokens/s
};

/// Keeps the endpoints that have most of the prompt cached, unless all of them are so busy that
/// even the one that answers first would answer much later than the best of the others.
class PrefixCacheAffinityFilter final : public Filter {
 public:
  PrefixCacheAffinityFilter(PrefixProducer& prefixes, const AffinityOptions& options, uint64_t seed)
      : prefixes_(prefixes), options_(options), random_(seed) {}

  void apply(const Query&, Candidates& candidates) override {
    if (options_.exploration_probability > random_.next_unit()) return;
    double sticky_tokens = kNone;
    double other_tokens = kNone;
    for (const Candidate& candidate : candidates) {
      double& least = is_sticky(candidate) ? sticky_tokens : other_tokens;
      least = std::min(least, static_cast<double>(candidate.endpoint->live.in_flight_tokens));
    }
    if (sticky_tokens == kNone || is_too_busy(sticky_tokens - other_tokens)) return;
    std::erase_if(candidates, [this](const Candidate& each) { return !is_sticky(each); });
  }

 private:
  static constexpr double kNone = std::numeric_limits<double>::infinity();

  bool is_sticky(const Candidate& candidate) const {
    const double total = std::max<uint32_t>(prefixes_.total_tokens(), 1);
    return prefixes_.matched_tokens(candidate.endpoint->slot) / total >= options_.threshold;
  }
  /// When even the least busy of the sticky endpoints has so many more tokens in flight.
  bool is_too_busy(double more_tokens) const {
    constexpr double kMsPerS = 1000;
    const double more_ms = more_tokens / options_.peak_prefill_throughput * kMsPerS;
    return (options_.max_ttft_penalty_ms > 0 && more_ms > options_.max_ttft_penalty_ms) ||
           (options_.max_tokens_in_flight_penalty > 0 &&
            more_tokens > options_.max_tokens_in_flight_penalty);
  }

  PrefixProducer& prefixes_;
  AffinityOptions options_;
  Random random_;
};

}  // namespace

Made make_prefix_cache_affinity_filter(resources::Fields& parameters, Registry& registry) {
  constexpr double kMax = 1e12;
  AffinityOptions options;
  LLMD_ASSIGN_OR_RETURN(options.threshold,
                        parameters.decimal("affinityThreshold", options.threshold, 1));
  LLMD_ASSIGN_OR_RETURN(options.exploration_probability,
                        parameters.decimal("explorationProbability", 0, 1));
  LLMD_ASSIGN_OR_RETURN(options.max_ttft_penalty_ms,
                        parameters.decimal("maxTTFTPenaltyMs", options.max_ttft_penalty_ms, kMax));
  LLMD_ASSIGN_OR_RETURN(options.max_tokens_in_flight_penalty,
                        parameters.decimal("maxTokensInFlightPenalty", 0, kMax));
  LLMD_ASSIGN_OR_RETURN(
      options.peak_prefill_throughput,
      parameters.decimal("peakPrefillThroughput", options.peak_prefill_throughput, kMax));
  if (options.peak_prefill_throughput <= 0) {
    return parameters.error("peakPrefillThroughput", "must be above 0");
  }
  LLMD_ASSIGN_OR_RETURN(const std::string source,
                        parameters.text("ttftSource", "prefillThroughput"));
  if (source != "prefillThroughput") {
    return parameters.error("ttftSource",
                            "must be prefillThroughput; latencyPredictor is not there yet");
  }
  LLMD_RETURN_IF_ERROR(registry.read_load_producer(parameters));
  LLMD_ASSIGN_OR_RETURN(PrefixProducer* const prefixes, registry.read_prefix_producer(parameters));
  return make_plugin<PrefixCacheAffinityFilter>(*prefixes, options, registry.seed());
}

}  // namespace llmd::schedule
