// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "flow/config_fields.h"
#include "flow/saturation.h"

namespace llmd::flow {
namespace {

constexpr uint32_t kQueueMax = 1'000'000;
constexpr double kHeadroomMax = 1000;
/// Loads are counted in this part of a full one, so that their sums are of whole numbers.
constexpr double kFull = 1 << 20;
/// Whatever an engine says of itself, it counts as at most so many full ones.
constexpr double kLoadMax = 1000;
/// Requests that fill an endpoint of which nothing is known: the concurrency detector's default.
constexpr double kBlindConcurrency = 100;
/// Upstream's 200 ms would call every engine stale between two of our scrapes, which are up to 4 s
/// apart where nothing happens.
constexpr Duration kStaleAfter = std::chrono::seconds(5);

struct Options {
  double queue = 5;
  double kv_usage = 0.8;
  double headroom = 0;
  Duration stale_after = kStaleAfter;
};

/// Requests that wait there: those at the last scrape, and what it did not see yet.
double queued(const endpoints::Live& live) {
  const double unseen = live.in_flight - (live.scrape.waiting + live.scrape.running);
  return live.scrape.waiting + std::max(0.0, unseen);
}

class UtilizationDetector final : public SaturationDetector {
 public:
  explicit UtilizationDetector(const Options& options)
      : SaturationDetector(kFull, options.stale_after), options_(options) {}

  bool has_room(const endpoints::Endpoint& endpoint, uint64_t /*tokens*/,
                TimePoint now) const override {
    return ratio(endpoint.live, is_fresh(endpoint.live, now)) < 1 + options_.headroom;
  }
  /// The end of a request shows in the KV usage of the next scrape but one at the latest.
  Duration lag() const override { return std::chrono::milliseconds(500); }

 protected:
  double load(const endpoints::Live& live, bool fresh) const override {
    return std::round(std::clamp(ratio(live, fresh), 0.0, kLoadMax) * kFull);
  }

 private:
  double ratio(const endpoints::Live& live, bool fresh) const {
    if (!fresh) return live.in_flight / kBlindConcurrency;
    return std::max(queued(live) / options_.queue, live.scrape.kv_usage / options_.kv_usage);
  }

  const Options options_;
};

}  // namespace

MadeDetector make_utilization_detector(resources::Fields& parameters) {
  Options options;
  LLMD_ASSIGN_OR_RETURN(const uint32_t queue,
                        parameters.number("queueDepthThreshold", 5, kQueueMax));
  if (queue == 0) return parameters.error("queueDepthThreshold", "must be at least 1");
  options.queue = queue;
  LLMD_ASSIGN_OR_RETURN(options.kv_usage, parameters.decimal("kvCacheUtilThreshold", 0.8, 1));
  if (options.kv_usage == 0) return parameters.error("kvCacheUtilThreshold", "must be above 0");
  LLMD_ASSIGN_OR_RETURN(options.headroom, parameters.decimal("headroom", 0, kHeadroomMax));
  LLMD_ASSIGN_OR_RETURN(options.stale_after, read_duration(parameters, "metricsStalenessThreshold",
                                                           options.stale_after));
  if (options.stale_after == Duration::zero()) {
    return parameters.error("metricsStalenessThreshold", "must be above 0");
  }
  parameters.find("inFlightLoadProducerName");  // there is one count of the load, whatever its name
  LLMD_RETURN_IF_ERROR(parameters.done());
  return {std::make_shared<UtilizationDetector>(options)};
}

}  // namespace llmd::flow
