// SPDX-License-Identifier: Apache-2.0
// An engine that publishes numbered batches over a connection that loses, repeats and reorders, and
// that may begin anew: unless partial, the consumer has heard exactly one engine's batches in
// order.
#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"
#include "kv/events/test_stream.h"

namespace llmd::kv {
namespace {

struct Engine {
  int incarnation = 0;
  std::vector<std::string> published = {};
  size_t kept_max;  ///< of the latest, for replay

  uint64_t publish() {
    published.push_back(std::to_string(incarnation) + ":" + std::to_string(published.size()));
    return published.size() - 1;
  }
  uint64_t first_kept() const { return published.size() - std::min(published.size(), kept_max); }
};

/// One engine behind a bad network, and the follower at the other end.
class World final : public ReplayTransport {
 public:
  World(uint64_t seed, size_t kept_max) : random_(seed), engine_{.kept_max = kept_max} {}

  bool ask(uint64_t from_seq) override {
    replies_.clear();
    if (!one_in(10)) asked_ = from_seq;
    return true;
  }
  void cancel() override {
    asked_.reset();
    replies_.clear();
  }

  void step() {
    switch (random_.below(40)) {
      case 0:
        restart();
        break;
      case 1:
        follower.resync();
        break;
      case 2:
      case 3:
        pass_time();
        break;
      default:
        publish_or_transfer();
    }
  }
  /// The network is good from now on, and all has its time.
  void settle() {
    faults_ = false;
    for (int i = 0; i < 3; ++i) publish();
    while (transfer()) {
    }
    while (follower.replaying()) {
      if (!transfer()) pass_time();
    }
  }
  const Engine& engine() const { return engine_; }

 private:
  bool one_in(uint64_t count) { return faults_ && random_.below(count) == 0; }

  void publish_or_transfer() {
    if (random_.below(2) == 0) return publish();
    transfer();
  }
  void publish() {
    const uint64_t seq = engine_.publish();
    if (one_in(15)) return;  // lost
    for (int copies = one_in(15) ? 2 : 1; copies > 0; --copies) {
      live_.push_back(
          [this, seq, payload = engine_.published[seq]] { follower.on_live(seq, payload); });
    }
    if (live_.size() > 1 && one_in(15)) std::swap(live_.back(), live_[live_.size() - 2]);
  }

  /// What is on its way arrives or is lost; then there is a new engine with some history.
  void restart() {
    while (!live_.empty()) transfer_live();
    replies_.clear();
    asked_.reset();
    engine_ = {.incarnation = engine_.incarnation + 1, .kept_max = engine_.kept_max};
    for (uint64_t unheard = random_.below(15); unheard > 0; --unheard) engine_.publish();
    follower.on_reconnected();
  }

  void transfer_live() {
    const auto message = std::move(live_.front());
    live_.pop_front();
    message();
  }
  void transfer_reply() {
    const auto message = std::move(replies_.front());
    replies_.pop_front();
    if (!one_in(30)) message();
  }
  bool transfer() {
    if (asked_) serve(*std::exchange(asked_, std::nullopt));
    if (live_.empty() && replies_.empty()) return false;
    const bool live = replies_.empty() || (!live_.empty() && random_.below(2) == 0);
    if (live) {
      transfer_live();
    } else {
      transfer_reply();
    }
    return true;
  }

  void serve(uint64_t from) {
    for (uint64_t seq = std::max(from, engine_.first_kept()); seq < engine_.published.size();
         ++seq) {
      replies_.push_back(
          [this, seq, payload = engine_.published[seq]] { follower.on_replayed(seq, payload); });
    }
    replies_.push_back([this] { follower.on_replay_end(); });
  }

  void pass_time() {
    clock_.advance(std::chrono::milliseconds(100 + random_.below(3000)));
    follower.on_deadline();
  }

  Random random_;
  Engine engine_;
  ManualClock clock_;
  bool faults_ = true;
  std::optional<uint64_t> asked_;
  std::deque<std::function<void()>> live_;
  std::deque<std::function<void()>> replies_;

 public:
  TestConsumer consumer;
  StreamFollower follower{clock_, *this, consumer, {.held_batches_max = 30}};
};

void check(const World& world) {
  ASSERT_EQ(world.follower.partial(), world.consumer.partial);
  ASSERT_LE(world.follower.held_batches(), 30U);
  const std::vector<std::string>& heard = world.consumer.batches;
  if (world.consumer.partial || heard.empty()) return;
  const std::string incarnation = heard[0].substr(0, heard[0].find(':') + 1);
  for (size_t i = 0; i < heard.size(); ++i) ASSERT_EQ(heard[i], incarnation + std::to_string(i));
}

/// How many of the runs ended complete.
int run(size_t kept_max, int runs) {
  int complete = 0;
  for (int seed = 0; seed < runs; ++seed) {
    SCOPED_TRACE(seed);
    World world(static_cast<uint64_t>(seed), kept_max);
    if (seed % 2 == 0) world.follower.start();
    for (int i = 0; i < 1000 && !testing::Test::HasFatalFailure(); ++i) {
      world.step();
      check(world);
    }
    world.settle();
    check(world);
    EXPECT_EQ(world.consumer.batches.back(), world.engine().published.back());
    if (!world.consumer.partial) {
      EXPECT_EQ(world.consumer.batches, world.engine().published);
      ++complete;
    }
    if (testing::Test::HasFailure()) break;
  }
  return complete;
}

TEST(StreamFollowerModel, WithALongHistoryItMostlyEndsComplete) {
  EXPECT_GT(run(100'000, 300), 200);
}

TEST(StreamFollowerModel, WithAShortHistoryItKnowsWhatItLacks) {
  const int complete = run(5, 300);
  EXPECT_GT(complete, 0);
  EXPECT_LT(complete, 300);
}

}  // namespace
}  // namespace llmd::kv
