// SPDX-License-Identifier: Apache-2.0
#include "flow/controller.h"

#include <algorithm>

#include "base/check.h"

namespace llmd::flow {
namespace {

/// Longer waits than this are none; it keeps sums of times from overflowing.
constexpr Duration kWaitMax = std::chrono::hours(1000);
constexpr Duration kBandIdleMax = std::chrono::minutes(10);
constexpr Duration kBandsCheckedEvery = std::chrono::minutes(1);

std::optional<Duration> wait_limit(Duration ttl) {
  if (ttl <= Duration::zero() || ttl > kWaitMax) return std::nullopt;
  return ttl;
}

/// True while it lives.
class Busy {
 public:
  explicit Busy(bool& flag) : flag_(flag), before_(flag) { flag_ = true; }
  ~Busy() { flag_ = before_; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  bool& flag_;
  const bool before_;
};

}  // namespace

Controller::Controller(Config config, const Clock& clock, CallAfter call_after,
                       observe::Registry& registry, std::string pool, std::function<void(Id)> evict)
    : config_(std::move(config)),
      clock_(clock),
      call_after_(std::move(call_after)),
      evict_(std::move(evict)),
      metrics_(registry, std::move(pool)),
      revoker_(metrics_, config_.detector->lag()),
      pool_empty_(config_.detector->empty()),
      pool_since_(clock.now()) {
  for (const auto& [priority, band] : config_.bands) {
    bands_.emplace(priority, std::make_unique<Band>(priority, band));
  }
  list_bands();
}

Controller::~Controller() = default;

Controller::Enqueued Controller::enqueue(const Request& request, Decided decided) {
  const TimePoint now = clock_.now();
  note_pool(now);
  Item& item = new_item(request, now);
  item.decided = std::move(decided);
  const auto decision = place(item, now);
  const Enqueued out{.id = id_of(item), .decision = decision};
  metrics_.enqueue_took(*item.series, decision, clock_.now() - now);
  if (!decision) return out;
  metrics_.decided(*item.series, *decision, Duration::zero());
  item.decided = nullptr;
  if (*decision == Decision::kDispatched) {
    start(item);
  } else {
    release(item);
  }
  return out;
}

std::optional<Decision> Controller::place(Item& item, TimePoint now) {
  pump(now);  // whoever waits goes first if there is room
  if (stopped_) return Decision::kRejectedShuttingDown;
  if (may_go_now(*item.band, now)) return Decision::kDispatched;
  if (!make_room(item, now)) {
    return pool_empty_ ? Decision::kRejectedNoEndpoints : Decision::kRejectedCapacity;
  }
  if (stopped_) return Decision::kRejectedShuttingDown;  // by someone who was shed
  push(item, now);
  // Not at once: what others do may let this one through before its enqueue() has returned.
  const bool soon = config_.evicts_running || again_;
  wake_at(soon ? now : next_wake(now), now);
  return std::nullopt;
}

bool Controller::cancel(Id id) {
  Item* const item = find(id);
  if (item == nullptr || item->state != Item::State::kQueued) return false;
  const TimePoint now = clock_.now();
  remove(*item, now);
  metrics_.decided(*item->series, Decision::kCancelled, now - item->enqueued);
  item->decided = nullptr;
  release(*item);
  return true;
}

void Controller::finished(Id id, const Served& served) {
  Item* const item = find(id);
  if (item == nullptr || item->state != Item::State::kRunning) return;
  const TimePoint now = clock_.now();
  Band& band = *item->band;
  band.config.fairness->served(item->fairness_id, served.prompt_tokens, served.output_tokens, now);
  if (is_revocable(*item)) revoker_.remove(*item, now);
  --band.running;
  --running_;
  release(*item);
}

void Controller::capacity_changed() {
  const TimePoint now = clock_.now();
  note_pool(now);
  if (busy_) again_ = true;
  pump(now);
}

void Controller::shutdown() {
  stopped_ = true;
  const TimePoint now = clock_.now();
  const Busy busy(busy_);
  for (size_t i = 0; i < by_rank_.size(); ++i) {  // decided() may add bands, without items
    Band* const band = by_rank_[i];
    while (Item* const item = band->oldest()) {
      remove(*item, now);
      decide(*item, Decision::kShutDown, now);
    }
  }
}

void Controller::publish_metrics() {
  const auto share = [](uint64_t value, uint64_t max) {
    return max == kUnlimited ? 0 : static_cast<double>(value) / static_cast<double>(max);
  };
  for (const Band* band : by_rank_) {
    metrics_.publish_band(band->priority,
                          {.requests = share(band->requests, band->config.requests_max),
                           .bytes = share(band->bytes, band->config.bytes_max)});
  }
  metrics_.publish(
      {.requests = share(queued_, config_.requests_max), .bytes = share(bytes_, config_.bytes_max)},
      config_.detector->saturation(clock_.now()), config_.detector->stale());
}

// Items.

Item& Controller::new_item(const Request& request, TimePoint now) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(items_.size()));
    items_.emplace_back().index = free_.back();
  }
  Item& item = items_[free_.back()];
  free_.pop_back();
  Band& band = band_of(request.priority, now);
  const auto ttl = wait_limit(request.ttl.value_or(config_.request_ttl));
  const auto empty_ttl = wait_limit(config_.no_endpoint_ttl);
  item.band = &band;
  item.revoked = false;
  item.sequence = sequence_++;
  item.bytes = request.bytes;
  item.enqueued = now;
  item.due = band.config.ordering.due(
      {.received = request.received,
       .enqueued = now,
       .ttl = ttl,
       .slo_ttft = wait_limit(request.slo_ttft.value_or(Duration::zero()))});
  item.deadline = ttl ? elapsed(false, now) + *ttl : Duration::max();
  item.empty_deadline = empty_ttl ? elapsed(true, now) + *empty_ttl : Duration::max();
  item.fairness_id = request.fairness_id;
  item.series =
      &metrics_.series(request.fairness_id, request.priority, request.model, request.target_model);
  return item;
}

void Controller::release(Item& item) {
  item.state = Item::State::kFree;
  ++item.generation;
  free_.push_back(item.index);
}

Controller::Id Controller::id_of(const Item& item) {
  return uint64_t{item.generation} << 32 | item.index;
}

Item* Controller::find(Id id) {
  const auto index = static_cast<uint32_t>(id);
  if (index >= items_.size()) return nullptr;
  Item& item = items_[index];
  return id_of(item) == id ? &item : nullptr;
}

// Bands.

const BandConfig& Controller::config_of(int32_t priority) const {
  return priority < 0 ? config_.default_negative_band : config_.default_band;
}

Band& Controller::band_of(int32_t priority, TimePoint now) {
  if (now - bands_checked_ >= kBandsCheckedEvery) drop_idle_bands(now);
  auto& band = bands_[priority];
  if (band == nullptr) {
    band = std::make_unique<Band>(priority, config_of(priority));
    list_bands();
  }
  band->last_used = now;
  return *band;
}

void Controller::drop_idle_bands(TimePoint now) {
  bands_checked_ = now;
  // Others may be in the middle of a walk over the bands.
  if (busy_) return;
  const auto dropped = std::erase_if(bands_, [&](const auto& each) {
    const Band& band = *each.second;
    return !config_.bands.contains(band.priority) && band.empty() && band.running == 0 &&
           now - band.last_used > kBandIdleMax;
  });
  if (dropped > 0) list_bands();
}

void Controller::list_bands() {
  by_rank_.clear();
  priorities_.clear();
  for (const auto& [priority, band] : bands_) {
    band->rank = by_rank_.size();
    by_rank_.push_back(band.get());
    priorities_.push_back(priority);
  }
  ceilings_.resize(by_rank_.size());
}

// The queue.

void Controller::push(Item& item, TimePoint now) {
  item.state = Item::State::kQueued;
  item.band->push(item, now);
  if (item.deadline != Duration::max()) deadlines_.push(item);
  ++queued_;
  bytes_ += item.bytes;
  ++item.series->requests;
  item.series->bytes += item.bytes;
}

void Controller::left(Item& item) {
  if (item.deadline != Duration::max()) deadlines_.remove(item);
  --queued_;
  bytes_ -= item.bytes;
  --item.series->requests;
  item.series->bytes -= item.bytes;
}

void Controller::remove(Item& item, TimePoint now) {
  item.band->remove(item, now);
  left(item);
}

bool Controller::fits(const Item& item) const {
  return item.band->has_room(item.bytes) && queued_ < config_.requests_max &&
         item.bytes <= config_.bytes_max - bytes_;
}

bool Controller::make_room(const Item& item, TimePoint now) {
  if (fits(item)) return true;
  if (!could_make_room(item)) return false;
  const Busy busy(busy_);
  while (!fits(item)) {
    Band* const band = lowest_sheddable(item.band->priority);
    if (band == nullptr) return false;  // somebody came in through decided()
    Item& shed = band->youngest();
    remove(shed, now);
    decide(shed, Decision::kShed, now);
  }
  return true;
}

/// Whether the bounds hold once everybody below is shed.
bool Controller::could_make_room(const Item& item) const {
  uint64_t requests = queued_;
  uint64_t bytes = bytes_;
  for (const Band* band : by_rank_) {
    if (band->priority >= 0 || band->priority >= item.band->priority) continue;
    requests -= band->requests;
    bytes -= band->bytes;
  }
  return item.band->has_room(item.bytes) && requests < config_.requests_max &&
         item.bytes <= config_.bytes_max - bytes;
}

Band* Controller::lowest_sheddable(int32_t below) {
  const auto found = std::find_if(by_rank_.rbegin(), by_rank_.rend(),
                                  [](const Band* band) { return !band->empty(); });
  if (found == by_rank_.rend()) return nullptr;
  const int32_t priority = (*found)->priority;
  return priority < 0 && priority < below ? *found : nullptr;
}

// Decisions.

double Controller::measure(TimePoint now) {
  const double saturation = config_.detector->saturation(now).effective;
  config_.usage_limit->limit(saturation, priorities_, ceilings_);
  return saturation;
}

Band* Controller::first_waiting() {
  const auto found = std::find_if(by_rank_.begin(), by_rank_.end(),
                                  [](const Band* band) { return !band->empty(); });
  return found == by_rank_.end() ? nullptr : *found;
}

bool Controller::may_go_now(const Band& band, TimePoint now) {
  if (pool_empty_ || busy_) return false;
  const Band* const first = first_waiting();
  if (first != nullptr && first->priority >= band.priority) return false;
  const double saturation = measure(now);
  return saturation < ceilings_[band.rank];
}

void Controller::pump(TimePoint now) {
  if (busy_ || queued_ == 0) return;
  const Busy busy(busy_);
  do {
    again_ = false;
    expire(now);
    while (dispatch_one(now)) {
    }
    revoke(now);
  } while (again_ && queued_ > 0);
  wake_at(next_wake(now), now);
  metrics_.dispatch_took(clock_.now() - now);
}

bool Controller::dispatch_one(TimePoint now) {
  Band* const band = first_waiting();
  if (band == nullptr || pool_empty_) return false;
  const double saturation = measure(now);
  if (saturation >= ceilings_[band->rank]) return false;
  Item& item = band->pop(now);
  left(item);
  decide(item, Decision::kDispatched, now);
  return true;
}

void Controller::expire(TimePoint now) {
  const Duration elapsed_now = elapsed(pool_empty_, now);
  if (!pool_empty_) {
    while (!deadlines_.empty() && deadlines_.front().deadline <= elapsed_now) {
      Item& item = deadlines_.front();
      remove(item, now);
      decide(item, Decision::kExpired, now);
    }
    return;
  }
  for (size_t i = 0; i < by_rank_.size(); ++i) {
    Band& band = *by_rank_[i];
    while (!band.empty() && band.oldest()->empty_deadline <= elapsed_now) {
      Item& item = *band.oldest();
      remove(item, now);
      decide(item, Decision::kExpiredNoEndpoints, now);
    }
  }
}

void Controller::revoke(TimePoint now) {
  const Band* const band = first_waiting();
  if (!config_.evicts_running || revoker_.is_pending(now)) return;
  if (band == nullptr || pool_empty_) return;
  const double saturation = config_.detector->saturation(now).effective;
  const double ceiling = ceilings_[band->rank];  // dispatch_one() has just found it too low
  if (saturation < ceiling) return;
  std::vector<Id> ids;  // by then the owner may have ended some of them
  for (const Item* item : revoker_.choose(saturation, ceiling, band->priority, running_, now)) {
    ids.push_back(id_of(*item));
  }
  for (const Id id : ids) evict_(id);
}

void Controller::decide(Item& item, Decision decision, TimePoint now) {
  const Decided decided = std::move(item.decided);
  item.decided = nullptr;
  metrics_.decided(*item.series, decision, now - item.enqueued);
  if (decision == Decision::kDispatched) {
    start(item);
  } else {
    release(item);
  }
  decided(decision);
}

void Controller::start(Item& item) {
  item.state = Item::State::kRunning;
  ++item.band->running;
  ++running_;
  if (is_revocable(item)) revoker_.add(item);
}

bool Controller::is_revocable(const Item& item) const {
  return config_.evicts_running && item.band->priority < 0;
}

// Time.

void Controller::note_pool(TimePoint now) {
  const bool empty = config_.detector->empty();
  if (empty == pool_empty_) return;
  (pool_empty_ ? elapsed_without_ : elapsed_with_) += now - pool_since_;
  pool_empty_ = empty;
  pool_since_ = now;
}

Duration Controller::elapsed(bool empty, TimePoint now) const {
  const Duration before = empty ? elapsed_without_ : elapsed_with_;
  return empty == pool_empty_ ? before + (now - pool_since_) : before;
}

/// Of those who wait, when the first one expires.
std::optional<TimePoint> Controller::next_expiry(TimePoint now) const {
  Duration deadline = Duration::max();
  if (!pool_empty_) {
    if (!deadlines_.empty()) deadline = deadlines_.front().deadline;
  } else {
    for (const Band* const band : by_rank_) {
      if (!band->empty()) deadline = std::min(deadline, band->oldest()->empty_deadline);
    }
  }
  if (deadline == Duration::max()) return std::nullopt;
  return now + (deadline - elapsed(pool_empty_, now));
}

/// When something changes although nobody calls.
TimePoint Controller::next_wake(TimePoint now) const {
  if (queued_ == 0) return TimePoint::max();
  TimePoint wake = next_expiry(now).value_or(TimePoint::max());
  if (const auto change = config_.detector->next_change()) wake = std::min(wake, *change);
  if (!config_.evicts_running) return wake;
  return std::min(wake, revoker_.next_change(now).value_or(TimePoint::max()));
}

void Controller::wake_at(TimePoint at, TimePoint now) {
  if (at == TimePoint::max() || (!armed_.empty() && armed_.back() <= at)) return;
  armed_.push_back(at);
  call_after_(at - now, [this, at, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    std::erase(armed_, at);
    capacity_changed();
  });
}

}  // namespace llmd::flow
