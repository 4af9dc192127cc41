// SPDX-License-Identifier: Apache-2.0
// Random lives of a controller against what must hold in each of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "base/random.h"
#include "flow/test_rig.h"

namespace llmd::flow {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kFairness[] = {"global-strict-fairness-policy", "round-robin-fairness-policy",
                                     "program-aware-fairness"};
constexpr const char* kOrdering[] = {"fcfs-ordering-policy", "edf-ordering-policy",
                                     "slo-deadline-ordering-policy"};
constexpr uint64_t kRequestsMax = 40;
constexpr uint64_t kBytesMax = 2000;
constexpr uint64_t kBandRequestsMax = 15;

Config random_config(Random& random) {
  const std::string band = std::string("{maxRequests: ") + std::to_string(kBandRequestsMax) +
                           ", maxBytes: 900, fairnessPolicyRef: " + kFairness[random.below(3)] +
                           ", orderingPolicyRef: " + kOrdering[random.below(3)] + "}";
  return config_with(3, "maxRequests: " + std::to_string(kRequestsMax) + "\nmaxBytes: " +
                            std::to_string(kBytesMax) + "\ndefaultPriorityBand: " + band +
                            "\ndefaultRequestTTL: 2s\nnoEndpointRequestTTL: 5s\nenableEviction: " +
                            (random.below(2) == 0 ? "true" : "false"));
}

/// One request as its owner sees it.
struct Life {
  int32_t priority;
  TimePoint enqueued;
  Controller::Id id = 0;
  bool cancelled = false;
};

class RandomLife {
 public:
  explicit RandomLife(uint64_t seed) : random_(seed), rig_(random_config(random_), 2) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      check_bounds();
      check_strict_priority();
    }
    finish_all();
  }

 private:
  void step() {
    switch (random_.below(10)) {
      case 0:
        return rig_.advance(milliseconds(random_.below(1500)));
      case 1:
        return rig_.set_endpoints(random_.below(4));
      case 2:
        return cancel_one();
      case 3:
      case 4:
        return finish_one();
      default:
        return add_one();
    }
  }

  void add_one() {
    const std::string name = std::to_string(lives_.size());
    const std::string tenant = "tenant " + std::to_string(random_.below(5));
    Request request;
    request.priority = static_cast<int32_t>(random_.below(5)) - 2;
    request.fairness_id = tenant;
    request.bytes = random_.below(200);
    if (random_.below(3) == 0) request.ttl = milliseconds(random_.below(3000));
    if (random_.below(3) == 0) request.slo_ttft = milliseconds(random_.below(3000));
    lives_[name] = {.priority = request.priority, .enqueued = rig_.time_.now()};
    lives_[name].id = rig_.add(name, request);
  }
  void cancel_one() {
    if (lives_.empty()) return;
    auto& [name, life] =
        *std::next(lives_.begin(), static_cast<ptrdiff_t>(random_.below(lives_.size())));
    const bool waits = !rig_.decision(name) && !life.cancelled;
    EXPECT_EQ(rig_.controller_.cancel(life.id), waits) << name;
    life.cancelled |= waits;
  }
  void finish_one() {
    const auto running = running_names();
    if (running.empty()) return;
    const std::string& name = running[random_.below(running.size())];
    finished_.insert(name);
    rig_.finish(name, {.prompt_tokens = random_.below(1000), .output_tokens = random_.below(99)});
  }
  std::vector<std::string> running_names() const {
    std::vector<std::string> names;
    for (const std::string& name : rig_.dispatched_) {
      if (!finished_.contains(name)) names.push_back(name);
    }
    return names;
  }

  void check_bounds() {
    const auto usage = rig_.controller_.usage();
    EXPECT_LE(usage.requests, kRequestsMax);
    EXPECT_LE(usage.bytes, kBytesMax);
    std::map<int32_t, uint64_t> waiting;
    for (const auto& [name, life] : lives_) {
      if (!rig_.decision(name) && !life.cancelled) ++waiting[life.priority];
    }
    uint64_t all = 0;
    for (const auto& [priority, count] : waiting) {
      EXPECT_LE(count, kBandRequestsMax) << priority;
      all += count;
    }
    EXPECT_EQ(all, usage.requests);
    EXPECT_EQ(running_names().size(), usage.running);
  }
  /// Whoever went in the last step had nobody above it waiting at that time: so nobody who waits
  /// now, and waited then, is above it.
  void check_strict_priority() {
    for (; seen_ < rig_.dispatched_.size(); ++seen_) {
      const Life& gone = lives_.at(rig_.dispatched_[seen_]);
      for (const auto& [name, life] : lives_) {
        const bool waits = !rig_.decision(name) && !life.cancelled;
        EXPECT_FALSE(waits && life.priority > gone.priority) << name;
      }
    }
  }
  void finish_all() {
    rig_.set_endpoints(1);
    for (auto running = running_names(); !running.empty(); running = running_names()) {
      finished_.insert(running.front());
      rig_.finish(running.front());
    }
    for (const auto& [name, life] : lives_) {
      EXPECT_NE(rig_.decision(name).has_value(), life.cancelled) << name;
    }
    EXPECT_EQ(rig_.controller_.usage().requests, 0U);
    EXPECT_EQ(rig_.controller_.usage().bytes, 0U);
    EXPECT_EQ(rig_.controller_.usage().running, 0U);
  }

  Random random_;
  Rig rig_;
  std::map<std::string, Life> lives_;
  std::set<std::string> finished_;
  size_t seen_ = 0;
};

TEST(ControllerProperties, BoundsHoldAndNothingIsLost) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    RandomLife(seed).run(400);
    if (HasFailure()) return;
  }
}

double jain_index(const std::vector<double>& shares) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  const double squares = std::inner_product(shares.begin(), shares.end(), shares.begin(), 0.0);
  return sum * sum / (static_cast<double>(shares.size()) * squares);
}

/// How many requests of each of 20 tenants go in 2000 turns, while the first one sends 50 times as
/// many as the others, each of which always has some waiting.
std::vector<double> shares_under_flood(const char* fairness) {
  Rig rig(
      config_with(4, std::string("defaultPriorityBand: {maxRequests: 100k, fairnessPolicyRef: ") +
                         fairness + "}\ndefaultRequestTTL: 0s"));
  std::map<std::string, size_t> tenant_of;
  const auto send = [&](size_t tenant) {
    const std::string name = std::to_string(tenant_of.size());
    const std::string id = "tenant " + std::to_string(tenant);
    tenant_of[name] = tenant;
    Request request;
    request.fairness_id = id;
    rig.add(name, request);
  };
  for (int i = 0; i < 200; ++i) {
    for (int flood = 0; flood < 50; ++flood) send(0);
    for (size_t tenant = 1; tenant < 20; ++tenant) send(tenant);
  }
  std::vector<double> shares(20);
  for (size_t turn = 0; turn < 2000; ++turn) {
    rig.advance(milliseconds(10));
    const std::string name = rig.dispatched_[turn];  // finish() adds to them
    rig.finish(name, {.prompt_tokens = 100, .output_tokens = 10});
    if (turn >= 4) ++shares[tenant_of.at(name)];
  }
  return shares;
}

TEST(ControllerProperties, AFloodByOneTenantTakesNothingFromOthers) {
  EXPECT_GE(jain_index(shares_under_flood("round-robin-fairness-policy")), 0.99);
  EXPECT_GE(jain_index(shares_under_flood("program-aware-fairness")), 0.95);
  EXPECT_LE(jain_index(shares_under_flood("global-strict-fairness-policy")), 0.5)
      << "without fairness the flood wins, so the figures above mean something";
}

TEST(ControllerProperties, EdfGoesInTheOrderOfExpiry) {
  Rig rig(config_with(1,
                      "defaultPriorityBand: {orderingPolicyRef: edf-ordering-policy, "
                      "fairnessPolicyRef: global-strict-fairness-policy}"));
  Random random(7);
  rig.add("running");
  std::map<std::string, TimePoint> expiry;
  for (int i = 0; i < 300; ++i) {
    Request request;
    const std::string tenant = std::to_string(random.below(9));
    request.fairness_id = tenant;
    request.ttl = seconds(100) + milliseconds(random.below(100'000));
    expiry[std::to_string(i)] = rig.time_.now() + *request.ttl;
    rig.add(std::to_string(i), request);
    rig.advance(milliseconds(random.below(50)));
  }
  for (size_t i = 0; i < 300; ++i) rig.finish(std::string(rig.dispatched_[i]));
  ASSERT_EQ(rig.dispatched_.size(), 301U);
  EXPECT_TRUE(std::is_sorted(
      rig.dispatched_.begin() + 1, rig.dispatched_.end(),
      [&](const std::string& a, const std::string& b) { return expiry.at(a) < expiry.at(b); }));
}

TEST(ControllerProperties, EveryoneExpiresExactlyWhenItsTimeIsOver) {
  Rig rig(config_with(1));
  Random random(11);
  rig.add("running");
  std::map<std::string, TimePoint> expired;
  std::map<std::string, TimePoint> expiry;
  std::vector<std::string> names(500);
  for (size_t i = 0; i < names.size(); ++i) {
    names[i] = std::to_string(i);
    Request request;
    request.ttl = Duration(1 + static_cast<int64_t>(random.below(5'000'000'000)));
    expiry[names[i]] = rig.time_.now() + *request.ttl;
    const auto out = rig.controller_.enqueue(request, [&, i](Decision decision) {
      EXPECT_EQ(decision, Decision::kExpired);
      expired[names[i]] = rig.time_.now();
    });
    EXPECT_FALSE(out.decision.has_value());
    rig.advance(Duration(static_cast<int64_t>(random.below(10'000'000))));
  }
  rig.advance(seconds(10));
  EXPECT_EQ(expired, expiry);
}

}  // namespace
}  // namespace llmd::flow
