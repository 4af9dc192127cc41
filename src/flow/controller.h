// SPDX-License-Identifier: Apache-2.0
// Flow control: decides when each request may go on to the choice of an endpoint.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/call_after.h"
#include "flow/band.h"
#include "flow/config.h"
#include "flow/decision.h"
#include "flow/metrics.h"
#include "flow/revoker.h"

namespace llmd::flow {

/// Of requests that name no tenant. Upstream's name.
inline constexpr std::string_view kDefaultTenant = "default-flow";

/// What flow control wants to know of a request. Texts are copied.
struct Request {
  int32_t priority = 0;  ///< below 0: sheddable
  std::string_view fairness_id = kDefaultTenant;
  std::string_view model;
  std::string_view target_model;
  uint64_t bytes = 0;  ///< of memory that it takes while it waits
  TimePoint received{};
  std::optional<Duration> ttl;       ///< instead of the configured one; 0: none
  std::optional<Duration> slo_ttft;  ///< x-llm-d-slo-ttft-ms
};

/// What a request has cost, where its response says so.
struct Served {
  uint64_t prompt_tokens = 0;
  uint64_t output_tokens = 0;
};

/// Bands of priorities, the highest first; in each flows by fairness id; in each requests. The
/// first request of the first band goes when the pool's saturation is below the band's ceiling;
/// while it cannot, nobody below it goes. Nothing is polled: requests go within enqueue() and
/// capacity_changed(), in O(log n) each, and expire by one timer. Loop thread only.
class Controller {
 public:
  using Id = uint64_t;
  /// Says once what became of a request that was queued. Is never called from within the enqueue()
  /// of its own request, nor by cancel(), but from within any other call here. May call all of this
  /// object but its destructor. When it is told kDispatched it must have made the request part of
  /// its endpoint's load, and refreshed the detector, before it returns.
  using Decided = std::function<void(Decision)>;
  struct Enqueued {
    Id id;
    /// Nothing: it waits. kDispatched: its load must be known to the detector before the next call
    /// here. Else it is refused, and the id means nothing.
    std::optional<Decision> decision;
  };
  struct Usage {
    uint64_t requests = 0;  ///< that wait
    uint64_t bytes = 0;     ///< of them
    uint64_t running = 0;   ///< let through, not finished
  };

  /// `evict` must end the running request with Decision::kRevoked, which finished() confirms; it is
  /// only called with Config::evicts_running. `clock` and `registry` must outlive this object.
  Controller(Config config, const Clock& clock, CallAfter call_after, observe::Registry& registry,
             std::string pool, std::function<void(Id)> evict);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  Enqueued enqueue(const Request& request, Decided decided);
  /// Its client went away: takes it out of the queue. False when it does not wait (any more).
  bool cancel(Id id);
  /// Every request that was let through ends once with this. Call capacity_changed() after it.
  void finished(Id id, const Served& served = {});

  /// Call when there may be more room: a request's first byte or end, metrics read, another set of
  /// endpoints; after the detector was told.
  void capacity_changed();

  /// Refuses all who wait and all who come. Running requests stay.
  void shutdown();

  Usage usage() const { return {.requests = queued_, .bytes = bytes_, .running = running_}; }
  SaturationDetector& detector() { return *config_.detector; }
  /// Brings the gauges up to date; call before the page of metrics is written.
  void publish_metrics();

 private:
  struct ExpiresFirst {
    static bool before(const Item& a, const Item& b) { return a.deadline < b.deadline; }
    static uint32_t& place(Item& item) { return item.deadline_place; }
  };

  // Items
  Item& new_item(const Request& request, TimePoint now);
  void release(Item& item);
  Item* find(Id id);
  static Id id_of(const Item& item);

  // Bands
  Band& band_of(int32_t priority, TimePoint now);
  const BandConfig& config_of(int32_t priority) const;
  void drop_idle_bands(TimePoint now);
  void list_bands();

  // The queue
  std::optional<Decision> place(Item& item, TimePoint now);
  void push(Item& item, TimePoint now);
  void left(Item& item);
  void remove(Item& item, TimePoint now);
  bool fits(const Item& item) const;
  bool make_room(const Item& item, TimePoint now);
  bool could_make_room(const Item& item) const;
  Band* lowest_sheddable(int32_t below);

  // Decisions
  double measure(TimePoint now);
  Band* first_waiting();
  bool may_go_now(const Band& band, TimePoint now);
  void pump(TimePoint now);
  bool dispatch_one(TimePoint now);
  void expire(TimePoint now);
  void revoke(TimePoint now);
  void decide(Item& item, Decision decision, TimePoint now);
  void start(Item& item);
  bool is_revocable(const Item& item) const;

  // Time
  void note_pool(TimePoint now);
  Duration elapsed(bool empty, TimePoint now) const;
  std::optional<TimePoint> next_expiry(TimePoint now) const;
  TimePoint next_wake(TimePoint now) const;
  void wake_at(TimePoint at, TimePoint now);

  const Config config_;
  const Clock& clock_;
  const CallAfter call_after_;
  const std::function<void(Id)> evict_;
  Metrics metrics_;
  Revoker revoker_;

  std::deque<Item> items_;
  std::vector<uint32_t> free_;
  uint64_t sequence_ = 0;

  std::map<int32_t, std::unique_ptr<Band>, std::greater<>> bands_;
  std::vector<Band*> by_rank_;  ///< the highest priority first, as the next two
  std::vector<int32_t> priorities_;
  std::vector<double> ceilings_;
  TimePoint bands_checked_{};

  IndexedHeap<Item, ExpiresFirst> deadlines_;
  uint64_t queued_ = 0;
  uint64_t bytes_ = 0;
  uint64_t running_ = 0;
  bool stopped_ = false;
  bool busy_ = false;   ///< within pump() or another loop that calls out
  bool again_ = false;  ///< something changed meanwhile

  bool pool_empty_;
  TimePoint pool_since_;     ///< when that began
  Duration elapsed_with_{};  ///< time with endpoints, and without, until then
  Duration elapsed_without_{};
  std::vector<TimePoint> armed_;  ///< when timers fire; each is earlier than those before it
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace llmd::flow
