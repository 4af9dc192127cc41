// SPDX-License-Identifier: Apache-2.0
// Saturation detectors: how full the pool is. 0 is idle, 1 is as much as it should hold.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "endpoints/pool.h"
#include "flow/linked_list.h"
#include "resources/fields.h"

namespace llmd::flow {

struct Saturation {
  double prefill = 0;    ///< of the endpoints that prefill; of all when none is such
  double decode = 0;     ///< of the endpoints that decode; likewise
  double effective = 0;  ///< the greater of the two
};

/// The mean of the endpoints' loads, kept as a sum: a change of one endpoint and a question cost
/// O(1) each. Loop thread only.
class SaturationDetector {
 public:
  virtual ~SaturationDetector() = default;

  /// Call when the pool's set changed.
  void set_endpoints(const endpoints::Snapshot& endpoints, TimePoint now);
  /// Call when what `endpoint.live` says changed: a request was sent there or ended there, or its
  /// metrics were read. Endpoints that are not in the pool any more are ignored.
  void refresh(const endpoints::Endpoint& endpoint, TimePoint now);

  bool empty() const { return pool_.count == 0; }
  /// All 1 when there is no endpoint.
  Saturation saturation(TimePoint now);
  /// When saturation() may say something else because time has passed.
  std::optional<TimePoint> next_change() const;
  /// Endpoints whose metrics are too old to count.
  int64_t stale() const { return stale_; }

  /// Whether `endpoint` may be given a request of so many uncached tokens: below its own limit,
  /// which `headroom` raises. For a filter; where it leaves nobody, all of them should stay.
  virtual bool has_room(const endpoints::Endpoint& endpoint, uint64_t tokens,
                        TimePoint now) const = 0;
  /// How long after the end of a request the saturation may still count it.
  virtual Duration lag() const = 0;

 protected:
  /// `full` is the load() of an endpoint that holds as much as it should. Metrics older than
  /// `stale_after` do not count; the greatest Duration says that none are needed.
  SaturationDetector(double full, Duration stale_after) : full_(full), stale_after_(stale_after) {}

  /// Whole numbers, so that a sum that is kept by adding and subtracting stays exact.
  virtual double load(const endpoints::Live& live, bool fresh) const = 0;
  bool is_fresh(const endpoints::Live& live, TimePoint now) const;

 private:
  struct Share {
    std::shared_ptr<const endpoints::Endpoint> endpoint;
    bool prefills = false;
    bool decodes = false;
    bool fresh = false;
    TimePoint scraped_at{};
    double load = 0;
    Links<Share> links;  ///< of the fresh ones, in the order in which they go stale
  };
  struct Sum {
    double load = 0;
    uint32_t count = 0;
  };

  void add(const std::shared_ptr<endpoints::Endpoint>& endpoint, TimePoint now);
  void count(const Share& share, double load);
  void update(Share& share, TimePoint now);
  void notice_stale(TimePoint now);
  double mean(const Sum& stage) const;

  const double full_;
  const Duration stale_after_;
  std::vector<std::unique_ptr<Share>> shares_;  ///< by the endpoints' slots
  LinkedList<Share, &Share::links> fresh_;
  int64_t stale_ = 0;
  Sum pool_;
  Sum prefill_;
  Sum decode_;
};

using MadeDetector = Result<std::shared_ptr<SaturationDetector>>;

/// Load = max(queued requests / queueDepthThreshold, KV usage / kvCacheUtilThreshold), where what
/// was sent since the metrics were read counts as queued. Without fresh metrics: the requests that
/// the gateway knows to be there, as the concurrency detector counts them.
MadeDetector make_utilization_detector(resources::Fields& parameters);
/// Load = requests there / maxConcurrency, or tokens there / maxTokenConcurrency, or the greater.
MadeDetector make_concurrency_detector(resources::Fields& parameters);

}  // namespace llmd::flow
