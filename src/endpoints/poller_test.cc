// SPDX-License-Identifier: Apache-2.0
#include "endpoints/poller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>

namespace llmd::endpoints {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Engines by port that answer at once, or whose answers a test holds back.
class PollerTest : public testing::Test {
 protected:
  PollerTest() { pool_.update({spec("a", 1)}); }

  static EndpointSpec spec(std::string name, uint16_t port) {
    return {.name = std::move(name), .address = "127.0.0.1", .port = port, .labels = {}};
  }

  void fetch(std::string_view path, ReplyCallback callback, const BodySink& sink) {
    asked_.emplace_back(path);
    if (held_) {
      waiting_.push_back(std::move(callback));
    } else if (error_) {
      callback(Error{*error_, "test"});
    } else if (path == "/metrics") {
      sink(metrics_);
      callback(Reply{metrics_status_, ""});
    } else {
      callback(Reply{health_, R"({"data":[{"id":"m"}]})"});
    }
  }

  std::ptrdiff_t asked(std::string_view path) const {
    return std::count(asked_.begin(), asked_.end(), path);
  }
  Live& live() { return pool_.snapshot()->at(0)->live; }
  void run(Duration duration) {
    for (Duration done{}; done < duration; done += milliseconds(50)) {
      poller_.tick();
      clock_.advance(milliseconds(50));
    }
  }

  Pool pool_;
  ManualClock clock_;
  std::vector<std::string> asked_;
  std::deque<ReplyCallback> waiting_;
  bool held_ = false;
  int health_ = 200;
  int metrics_status_ = 200;
  std::optional<Errc> error_;
  std::string metrics_ = "vllm:num_requests_waiting 2\nprocess_start_time_seconds 5\n";
  Poller poller_{pool_, clock_, 1,
                 [this](const Endpoint&, std::string_view path, ReplyCallback callback,
                        BodySink sink) { fetch(path, std::move(callback), sink); }};
};

TEST_F(PollerTest, AnEndpointIsUpOnceHealthModelsAndLoadAreKnown) {
  live().in_flight = 2;
  clock_.advance(seconds(1));
  poller_.tick();
  EXPECT_EQ(asked_, (std::vector<std::string>{"/health", "/v1/models", "/metrics"}));
  EXPECT_EQ(live().health, Health::kUp);
  EXPECT_TRUE(live().serves("m"));
  EXPECT_EQ(live().scrape.waiting, 2);
  EXPECT_EQ(live().in_flight_at_scrape, 2U);
  EXPECT_EQ(live().scraped_at, clock_.now());
}

TEST_F(PollerTest, NamesThatChangeAreTheNextPollsNames) {
  poller_.tick();
  EXPECT_THAT(live().scrape.attributes, testing::IsEmpty());
  live().in_flight = 1;
  metrics_ = "vllm:num_requests_waiting 3\ndepth 7\n";
  const EngineMetrics renamed({{.engine = "vllm",
                                .wanted = {{Figure::kAttribute, {"depth", {}}}},
                                .attributes = {"d"},
                                .rank_label = {},
                                .block_tokens_label = {},
                                .blocks_label = {}}},
                              "engine", "vllm");
  poller_.read_by([&](const Endpoint& endpoint) { return renamed.of(endpoint); });
  run(seconds(2));
  EXPECT_EQ(live().scrape.attribute("d"), 7);
  EXPECT_EQ(live().scrape.waiting, 0);
  EXPECT_EQ(live().in_flight, 1U);
  poller_.read_by([](const Endpoint& endpoint) { return EngineMetrics::built_in().of(endpoint); });
  run(seconds(2));
  EXPECT_EQ(live().scrape.attribute("d"), std::nullopt);
  EXPECT_EQ(live().scrape.waiting, 3);
}

TEST_F(PollerTest, WhereNothingChangesLoadAndHealthAreReadSeldom) {
  run(seconds(60));
  EXPECT_GE(asked("/metrics"), 12);  // every 1, 2 and then 4 s, give or take a quarter
  EXPECT_LE(asked("/metrics"), 24);
  EXPECT_GE(asked("/health"), 4);
  EXPECT_LE(asked("/health"), 7);
}

TEST_F(PollerTest, LoadOfOthersThatChangesIsReadEachSecond) {
  for (int second = 0; second < 30; ++second) {
    metrics_ = "vllm:num_requests_running " + std::to_string(second) + "\n";
    run(seconds(1));
  }
  EXPECT_GE(asked("/metrics"), 20);
  EXPECT_LE(asked("/metrics"), 40);
}

TEST_F(PollerTest, WhereRequestsAreLoadIsReadOften) {
  run(seconds(20));
  asked_.clear();
  live().note_placed(clock_.now());
  run(seconds(10));
  EXPECT_GE(asked("/metrics"), 38);
  EXPECT_LE(asked("/metrics"), 55);
  live().in_flight = 0;
  run(seconds(1));  // once more, to see it go
  EXPECT_EQ(live().in_flight_at_scrape, 0U);
}

TEST_F(PollerTest, ARequestThatCameAndWentIsNoticedSoon) {
  run(seconds(20));
  run(milliseconds(50));
  asked_.clear();
  live().note_placed(clock_.now());
  live().in_flight = 0;
  run(milliseconds(350));
  EXPECT_GE(asked("/metrics"), 1);
}

TEST_F(PollerTest, ManyEndpointsAreNotAskedAtOnce) {
  std::vector<EndpointSpec> specs;
  for (uint16_t i = 1; i <= 100; ++i) specs.push_back(spec("e" + std::to_string(i), i));
  pool_.update(specs);
  for (const auto& endpoint : *pool_.snapshot()) endpoint->live.note_placed(clock_.now());
  run(seconds(10));
  size_t most = 0;
  for (int step = 0; step < 50; ++step) {
    asked_.clear();
    clock_.advance(poller_.tick());
    most = std::max(most, asked_.size());
  }
  EXPECT_LE(most, 40U);  // ten on average
}

TEST_F(PollerTest, MetricsThatCannotBeReadAreStaleButTheEndpointStaysUp) {
  run(seconds(1));
  metrics_status_ = 500;
  run(seconds(2));
  EXPECT_FALSE(live().stale);
  run(seconds(10));
  EXPECT_TRUE(live().stale);
  EXPECT_EQ(live().health, Health::kUp);
  EXPECT_EQ(live().scrape.waiting, 2);
  metrics_status_ = 200;
  run(seconds(10));
  EXPECT_FALSE(live().stale);
}

TEST_F(PollerTest, MetricsThatDoNotComeAreStaleWhileTheAnswerIsAwaited) {
  run(seconds(1));
  held_ = true;
  live().note_placed(clock_.now());
  run(seconds(3));
  EXPECT_TRUE(live().stale);
  EXPECT_EQ(live().health, Health::kUp);
}

TEST_F(PollerTest, AnEngineWhoseMetricsNeverCouldBeReadIsUp) {
  metrics_status_ = 500;
  poller_.tick();
  EXPECT_EQ(live().health, Health::kUp);
}

TEST_F(PollerTest, AnEngineWithoutMetricsIsUpAndNotStale) {
  metrics_status_ = 404;
  run(seconds(10));
  EXPECT_EQ(live().health, Health::kUp);
  EXPECT_FALSE(live().stale);
  EXPECT_EQ(live().scrape, Scrape());
}

TEST_F(PollerTest, TellsWhatIsKnownNow) {
  std::vector<std::pair<Health, double>> told;
  poller_.on_change([&](const Endpoint& endpoint) {
    told.emplace_back(endpoint.live.health, endpoint.live.scrape.waiting);
  });
  poller_.tick();
  metrics_ = "vllm:num_requests_waiting 7\n";
  clock_.advance(seconds(2));
  poller_.tick();
  error_ = Errc::kUnavailable;
  clock_.advance(seconds(2));
  poller_.tick();
  EXPECT_THAT(told, testing::ElementsAre(std::pair(Health::kUnknown, 0.0),  // its models
                                         std::pair(Health::kUp, 2.0), std::pair(Health::kUp, 7.0),
                                         std::pair(Health::kDown, 0.0)));
}

TEST_F(PollerTest, OneQuestionAtATimeForEachEndpoint) {
  held_ = true;
  run(seconds(10));
  EXPECT_EQ(asked_.size(), 1U);
}

TEST_F(PollerTest, ARefusedConnectionIsDownAtOnceATimeoutAfterSeveral) {
  poller_.tick();
  error_ = Errc::kTimeout;
  clock_.advance(seconds(2));
  poller_.tick();
  EXPECT_EQ(live().health, Health::kUp);
  run(seconds(10));
  EXPECT_EQ(live().health, Health::kDown);
  error_.reset();
  run(seconds(10));
  EXPECT_EQ(live().health, Health::kUp);
  error_ = Errc::kUnavailable;
  clock_.advance(seconds(6));
  poller_.tick();
  EXPECT_EQ(live().health, Health::kDown);
  EXPECT_TRUE(live().serves("m"));  // a known model stays known
}

TEST_F(PollerTest, OneThatIsUpAgainHasItsCircuitStill) {
  poller_.tick();
  live().circuit.note_failure(clock_.now());
  error_ = Errc::kUnavailable;
  clock_.advance(seconds(2));
  poller_.tick();
  ASSERT_EQ(live().health, Health::kDown);
  error_.reset();
  run(seconds(1));
  EXPECT_EQ(live().health, Health::kUp);
  EXPECT_TRUE(live().circuit.is_open());
}

TEST_F(PollerTest, ADeadEndpointIsAskedLessAndLess) {
  error_ = Errc::kUnavailable;
  run(seconds(60));
  EXPECT_LE(asked_.size(), 20U);
  EXPECT_GE(asked_.size(), 12U);
}

TEST_F(PollerTest, ARestartLosesTheCache) {
  std::vector<uint32_t> lost;
  pool_.on_cache_lost([&](uint32_t slot) { lost.push_back(slot); });
  run(seconds(3));
  EXPECT_TRUE(lost.empty());
  metrics_ = "process_start_time_seconds 6\n";
  run(seconds(6));
  EXPECT_THAT(lost, testing::ElementsAre(0));
}

TEST_F(PollerTest, AnUnhealthyEngineIsNotUp) {
  health_ = 503;
  run(seconds(1));
  EXPECT_EQ(live().health, Health::kDown);
  EXPECT_EQ(asked_.front(), "/health");
}

TEST_F(PollerTest, AnswersMayComeAfterTheirEndpointOrThePollerIsGone) {
  held_ = true;
  {
    Poller brief(pool_, clock_, 1,
                 [this](const Endpoint&, std::string_view path, ReplyCallback callback,
                        BodySink sink) { fetch(path, std::move(callback), sink); });
    brief.tick();
    pool_.update({});
    brief.tick();
  }
  held_ = false;
  waiting_.front()(Reply{200, ""});
  EXPECT_EQ(asked_.size(), 1U);
}

}  // namespace
}  // namespace llmd::endpoints
