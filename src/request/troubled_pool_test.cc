// SPDX-License-Identifier: Apache-2.0
// What clients may rely on, whatever engines do and say of themselves.
#include "request/troubled_pool.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace llmd::request::trouble {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// As upstream's guides choose: prefix, queue and KV cache, weighted.
constexpr const char* kWeighted = R"(apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- {type: prefix-cache-scorer}
- {type: queue-scorer}
- {type: kv-cache-utilization-scorer}
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: prefix-cache-scorer, weight: 3}
  - {pluginRef: queue-scorer, weight: 2}
  - {pluginRef: kv-cache-utilization-scorer, weight: 2}
)";

/// The default scheduling behind a queue.
constexpr const char* kQueued = R"(apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
featureGates: [flowControl]
plugins:
- {type: expected-ttft-scorer}
- {type: concurrency-detector, parameters: {maxConcurrency: 8}}
schedulingProfiles: [{name: default, plugins: [{pluginRef: expected-ttft-scorer}]}]
flowControl:
  maxRequests: 40
  defaultRequestTTL: 3s
  noEndpointRequestTTL: 5s
  saturationDetector: {pluginRef: concurrency-detector}
)";

constexpr const char* kConfigs[] = {"", kWeighted, kQueued};

/// Requests ended in these ways only, refused ones for want of room; returns how many.
size_t expect_only(const World& world, std::initializer_list<Outcome> allowed) {
  for (const auto& client : world.clients()) {
    const bool is_allowed = std::ranges::find(allowed, client->outcome()) != allowed.end();
    const bool is_well = client->outcome() != Outcome::kRefused || client->status() == 429;
    EXPECT_TRUE(is_allowed && is_well) << client->number() << " ended with " << client->status();
  }
  return world.clients().size();
}

// Everything at once ---------------------------------------------------------------------------

constexpr size_t kTroubled = 2;  ///< the first ones fail: fewer than a request may try
constexpr size_t kRestless = 4;  ///< the next ones, up to here, come, go and drain
constexpr size_t kAll = 8;       ///< the others are well; but anybody may lie

/// Now and then something happens, by the world's own randomness.
class Trouble {
 public:
  explicit Trouble(World& world) : world_(world), listed_(kAll, true), draining_(kAll, false) {
    next();
  }
  void stop() { stopped_ = true; }

 private:
  void next() {
    world_.after(milliseconds(100 + world_.random().below(900)), [this] {
      if (stopped_) return;
      happen();
      next();
    });
  }
  void happen() {
    Random& random = world_.random();
    const size_t troubled = random.below(kTroubled);
    const size_t restless = kTroubled + random.below(kRestless - kTroubled);
    switch (random.below(5)) {
      case 0:
        return world_.engine(troubled).set_mood(static_cast<Mood>(random.below(kMoods)));
      case 1:
        return world_.engine(random.below(kAll)).set_page(static_cast<Page>(random.below(kPages)));
      case 2:
        listed_[restless] = !listed_[restless];
        return world_.list(listed_, draining_);
      case 3:
        draining_[restless] = !draining_[restless];
        return world_.list(listed_, draining_);
      case 4:
        return world_.use(kConfigs[random.below(std::size(kConfigs))]);
    }
  }

  World& world_;
  std::vector<bool> listed_;
  std::vector<bool> draining_;
  bool stopped_ = false;
};

/// Two minutes of it, some 3600 requests, of which one in fifty leaves.
std::unique_ptr<World> troubled_world(uint64_t seed) {
  auto world = std::make_unique<World>(seed, kAll);
  Trouble trouble(*world);
  world->load(30, seconds(120), 0.02);
  trouble.stop();
  world->settle();
  return world;
}

TEST(TroubledPool, EveryRequestEndsOnceAndAsItMay) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    const auto world = troubled_world(seed);
    expect_only(*world,
                {Outcome::kFinished, Outcome::kRefused, Outcome::kBroken, Outcome::kClientLeft});
    for (const auto& client : world->clients()) {
      const size_t last = client->engines().empty() ? 0 : client->engines().back();
      EXPECT_TRUE(client->outcome() != Outcome::kBroken || last < kTroubled) << last;
    }
    EXPECT_GE(world->count(Outcome::kFinished) * 10, world->clients().size() * 8);
    EXPECT_LE(world->count(Outcome::kBroken) * 12, world->clients().size());
    for (size_t i = 0; i < kAll; ++i) EXPECT_FALSE(world->placed_at(i).empty()) << i;
  }
}

TEST(TroubledPool, TheSameSeedGivesTheSameStory) {
  const std::string story = troubled_world(7)->story();
  EXPECT_TRUE(story == troubled_world(7)->story());
  EXPECT_FALSE(story == troubled_world(8)->story());
}

// Failing --------------------------------------------------------------------------------------

TEST(TroubledPool, AnEndpointThatFailsGetsLittleUntilItIsWell) {
  for (uint8_t mood = 1; mood < kMoods; ++mood) {
    const char* config = kConfigs[mood % std::size(kConfigs)];
    SCOPED_TRACE(fmt::format("mood {}, {}", mood, config));
    World world(1, 6, config);
    world.engine(0).set_mood(static_cast<Mood>(mood));
    world.load(30, seconds(120));
    EXPECT_LE(world.placed_since(0, {}) * 40, world.placed_since({}));
    const size_t broken = world.count(Outcome::kBroken);
    world.engine(0).set_mood(Mood::kWell);
    world.load(30, seconds(40));
    const TimePoint back = world.now();
    world.load(30, seconds(60));
    // It comes back slowly: others have cached what they were sent meanwhile, and what was learned
    // of its speed in bad times fades with what it does.
    EXPECT_GE(world.placed_since(0, back) * 6 * 8, world.placed_since(back));
    world.settle();
    expect_only(world, {Outcome::kFinished, Outcome::kBroken});
    EXPECT_LE(world.count(Outcome::kBroken), broken + 8);  // those that ran when it became well
  }
}

TEST(TroubledPool, ProbesComeLessAndLess) {
  World world(1, 6);
  world.engine(0).set_mood(Mood::kErrors);
  world.load(100, seconds(180));
  const auto& probes = world.placed_at(0);
  ASSERT_GE(probes.size(), 8U);
  Duration least = milliseconds(500);
  for (size_t i = 1; i < probes.size(); ++i) {
    EXPECT_GE(probes[i] - probes[i - 1], least) << i;
    least = std::min<Duration>(least * 2, seconds(30));
  }
  world.settle();
  expect_only(world, {Outcome::kFinished});
}

TEST(TroubledPool, FlappingBreaksOnlyWhatHadBegunThere) {
  for (const char* config : kConfigs) {
    SCOPED_TRACE(config);
    World world(1, 6, config);
    bool gone = false;
    world.every(seconds(1), [&] {
      gone = !gone;
      for (size_t i = 0; i < 2; ++i) world.engine(i).set_mood(gone ? Mood::kGone : Mood::kWell);
    });
    world.load(30, seconds(120));
    world.settle();
    const size_t all = expect_only(world, {Outcome::kFinished, Outcome::kBroken});
    EXPECT_LE(world.count(Outcome::kBroken) * 20, all);
  }
}

void set_all(World& world, Mood mood) {
  for (size_t i = 0; i < world.engine_count(); ++i) world.engine(i).set_mood(mood);
}
constexpr Duration kNoticed = seconds(15);  ///< longer than between two checks of health

TEST(TroubledPool, WithoutAnEngineClientsAreToldAtOnceAndLaterServed) {
  World world(1, 4);
  set_all(world, Mood::kGone);
  world.run(kNoticed);
  const Client& refused = world.send();
  EXPECT_EQ(refused.outcome(), Outcome::kRefused);
  EXPECT_EQ(refused.status(), 503);
  set_all(world, Mood::kWell);
  world.run(kNoticed);
  const Client& served = world.send();
  world.settle();
  EXPECT_EQ(served.outcome(), Outcome::kFinished);
}

TEST(TroubledPool, InAQueueClientsWaitForAnEngineWhileTheyMay) {
  World world(1, 4, kQueued);
  set_all(world, Mood::kGone);
  world.run(kNoticed);
  const Client& unlucky = world.send();
  world.run(seconds(4));
  EXPECT_TRUE(unlucky.waits());
  const Client& lucky = world.send();
  world.run(seconds(2));
  EXPECT_EQ(unlucky.outcome(), Outcome::kRefused);
  EXPECT_EQ(unlucky.status(), 503);
  EXPECT_EQ(unlucky.waited(), seconds(5));
  set_all(world, Mood::kWell);
  world.list({});
  world.list({true});  // new to the gateway, which asks it at once
  world.settle();
  EXPECT_EQ(lucky.outcome(), Outcome::kFinished);
}

TEST(TroubledPool, AQueueKeepsItsBoundsWhileEnginesGoAndReturn) {
  World world(1, 4, kQueued);
  world.every(milliseconds(100), [&] { EXPECT_LE(world.queued(), 40); });
  const auto set_half = [&](Mood mood) {
    for (size_t i = 0; i < 2; ++i) world.engine(i).set_mood(mood);
  };
  world.load(80, seconds(20));
  set_half(Mood::kGone);
  world.load(80, seconds(20));
  set_half(Mood::kWell);
  world.load(80, seconds(20));
  world.settle();
  expect_only(world, {Outcome::kFinished, Outcome::kRefused, Outcome::kBroken});
  EXPECT_LE(world.count(Outcome::kBroken), 2 * 8U);
  for (const auto& client : world.clients()) {
    EXPECT_LE(client->waited(), seconds(3));
  }
  constexpr double kRateOfAll = 4 * 8 / 0.65;  // slots over the seconds of an answer
  EXPECT_GE(static_cast<double>(world.count(Outcome::kFinished)),
            0.8 * kRateOfAll * (20 + 10 + 20));
}

// Lying ----------------------------------------------------------------------------------------

/// A liar with `slots` among five honest engines of eight.
void lie(Page page, size_t slots, const std::string& config) {
  World world(1, 6, config);
  world.engine(0).set_page(page);
  world.engine(0).set_slots(slots);
  world.load(40, seconds(60));
  world.settle();
  const size_t fair = expect_only(world, {Outcome::kFinished}) / 6;
  // One whose cache seems new each time gets many of the prompts that nobody has.
  const size_t most = page == Page::kRestarting ? fair * 2 : fair * 3 / 2;
  EXPECT_LE(world.placed_at(0).size(), slots == 1 ? fair / 2 : most);
  for (size_t i = 1; i < 6; ++i) EXPECT_GE(world.placed_at(i).size(), fair / 2) << i;
}

TEST(TroubledPool, ALiarNeitherStarvesTheOthersNorSwallowsAll) {
  for (uint8_t page = 1; page < kPages; ++page) {
    for (const char* config : kConfigs) {
      SCOPED_TRACE(fmt::format("page {}, {}", page, config));
      lie(static_cast<Page>(page), 8, config);
      lie(static_cast<Page>(page), 1, config);
    }
  }
}

TEST(TroubledPool, APoolOfLiarsServesAllTheSame) {
  for (const char* config : kConfigs) {
    SCOPED_TRACE(config);
    World world(1, 6, config);
    for (size_t i = 0; i < 6; ++i) world.engine(i).set_page(static_cast<Page>(1 + i));
    world.load(20, seconds(60));
    for (size_t i = 0; i < 6; ++i) world.engine(i).set_page(Page::kError);
    world.load(20, seconds(60));
    world.settle();
    expect_only(world, {Outcome::kFinished});
  }
}

}  // namespace
}  // namespace llmd::request::trouble
