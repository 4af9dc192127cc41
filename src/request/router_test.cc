// SPDX-License-Identifier: Apache-2.0
#include "request/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "schedule/default_config.h"

namespace llmd::request {
namespace {

using endpoints::Health;

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    pool_.update({spec("a", 1), spec("b", 2), spec("c", 3)});
    for (const auto& endpoint : *pool_.snapshot()) {
      endpoint->live.health = Health::kUp;
      endpoint->live.models = {"m"};
    }
  }

  static endpoints::EndpointSpec spec(std::string name, uint16_t port) {
    return {.name = std::move(name), .address = "127.0.0.1", .port = port, .labels = {}};
  }
  static std::shared_ptr<schedule::Scheduler> scheduler() {
    return schedule::Scheduler::make(schedule::default_config(), 1).value();
  }
  endpoints::Live& live(size_t index) { return pool_.snapshot()->at(index)->live; }

  std::variant<Ticket, openai::ApiError> admit(std::string_view body) {
    return router_.admit({.scan = openai::scan_request(body).value(), .body = body});
  }
  Ticket ticket(std::string_view body = R"({"model":"m","prompt":"hello"})") {
    return std::get<Ticket>(admit(body));
  }
  openai::ApiError error(std::string_view body) { return std::get<openai::ApiError>(admit(body)); }
  uint32_t in_flight() {
    uint32_t sum = 0;
    for (const auto& endpoint : *pool_.snapshot()) sum += endpoint->live.in_flight;
    return sum;
  }

  endpoints::Pool pool_;
  ManualClock clock_;
  Router router_{pool_, clock_, scheduler()};
};

TEST_F(RouterTest, LoadIsCountedAtOnceAndGivenBackOnce) {
  {
    Ticket first = ticket();
    EXPECT_EQ(in_flight(), 1U);
    Ticket moved = std::move(first);
    EXPECT_EQ(in_flight(), 1U);
    moved.finished();
    EXPECT_EQ(in_flight(), 0U);
  }
  EXPECT_EQ(in_flight(), 0U);
  {
    const Ticket dropped = ticket();
  }
  EXPECT_EQ(in_flight(), 0U);
}

TEST_F(RouterTest, ABurstOfDifferentPromptsSpreads) {
  const Ticket a = ticket(R"({"model":"m","prompt":"1"})");
  const Ticket b = ticket(R"({"model":"m","prompt":"2"})");
  const Ticket c = ticket(R"({"model":"m","prompt":"3"})");
  EXPECT_EQ((std::set{&a.endpoint(), &b.endpoint(), &c.endpoint()}).size(), 3U);
}

TEST_F(RouterTest, AFailedAttemptGoesElsewhereAndTheLimitHolds) {
  Ticket request = ticket();
  std::set<const endpoints::Endpoint*> seen = {&request.endpoint()};
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(request.retry(Failure::kConnect), std::nullopt);
    seen.insert(&request.endpoint());
    EXPECT_EQ(in_flight(), 1U);
  }
  EXPECT_EQ(seen.size(), 3U);
  const auto answer = request.retry(Failure::kClosed);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(in_flight(), 0U);
}

TEST_F(RouterTest, NoEndpointIsTriedTwice) {
  pool_.update({spec("a", 1)});
  Ticket request = ticket();
  const auto answer = request.retry(Failure::kTimeout);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 504);
}

TEST_F(RouterTest, WhatJustFailedIsTheLastChoiceUntilItsBackoffEnds) {
  live(1).health = Health::kDown;
  live(2).health = Health::kDown;
  Ticket first = ticket();
  EXPECT_TRUE(first.retry(Failure::kConnect).has_value());
  EXPECT_EQ(ticket().endpoint().spec.name, "a");  // no other choice
  live(1).health = Health::kUp;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ticket().endpoint().spec.name, "b");
  clock_.advance(std::chrono::milliseconds(600));
  live(1).in_flight = 5;
  EXPECT_EQ(ticket(R"({"model":"m","prompt":"other"})").endpoint().spec.name, "a");
}

TEST_F(RouterTest, AFirstByteClosesTheCircuit) {
  pool_.update({spec("a", 1)});
  EXPECT_TRUE(ticket().retry(Failure::kConnect).has_value());
  EXPECT_TRUE(live(0).circuit.is_open());
  ticket().first_byte();
  EXPECT_FALSE(live(0).circuit.is_open());
}

TEST_F(RouterTest, ABrokenAnswerIsAFailure) {
  Ticket request = ticket();
  const auto& circuit = request.endpoint().live.circuit;
  request.broken();
  EXPECT_TRUE(circuit.is_open());
}

TEST_F(RouterTest, ADrainingEndpointTakesNoNewWorkAndItsRequestsEnd) {
  pool_.update({spec("a", 1)});
  live(0).health = Health::kUp;
  live(0).models = {"m"};
  Ticket running = ticket();
  endpoints::EndpointSpec draining = spec("a", 1);
  draining.labels = {{"llm-d.ai/draining", "true"}};
  pool_.update({draining});
  live(0).health = Health::kUp;
  live(0).models = {"m"};
  EXPECT_EQ(error(R"({"model":"m","prompt":""})").status, 503);
  EXPECT_FALSE(router_.ready());
  EXPECT_EQ(running.endpoint().live.in_flight, 1U);
  const auto endpoint = running.endpoint().weak_from_this().lock();
  running.finished();
  EXPECT_EQ(endpoint->live.in_flight, 0U);
}

TEST_F(RouterTest, ErrorsNameWhatExists) {
  live(2).models = {"z"};
  const auto unknown = error(R"({"model":"x","prompt":""})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.code, "model_not_found");
  EXPECT_THAT(unknown.message, testing::HasSubstr("m, z"));
  EXPECT_EQ(error(R"({"prompt":""})").status, 400);
  EXPECT_EQ(error(R"({"model":"m","kv_transfer_params":{}})").status, 400);
}

TEST_F(RouterTest, AKnownModelWithoutAReadyEngineIs503) {
  for (size_t i = 0; i < 3; ++i) live(i).health = Health::kDown;
  EXPECT_FALSE(router_.ready());
  EXPECT_TRUE(router_.model_names().empty());
  EXPECT_EQ(error(R"({"model":"m","prompt":""})").status, 503);
  pool_.update({});
  EXPECT_EQ(error(R"({"model":"m","prompt":""})").status, 503);
}

TEST_F(RouterTest, ARemovedEndpointMayStillHoldARequest) {
  Ticket request = ticket();
  pool_.update({});
  EXPECT_FALSE(request.endpoint().host_port.empty());
  EXPECT_TRUE(request.retry(Failure::kClosed).has_value());
}

TEST_F(RouterTest, TheSecondTurnLandsWhereTheFirstWas) {
  const std::string question(300, 'q');
  const std::string first = R"({"model":"m","messages":[{"role":"user","content":")" + question;
  for (int round = 0; round < 20; ++round) {
    const std::string head = first + std::to_string(round);
    Ticket one = ticket(head + R"("}]})");
    const std::string name = one.endpoint().spec.name;
    one.finished();
    Ticket two = ticket(head + R"("},{"role":"assistant","content":"yes"}]})");
    EXPECT_EQ(two.endpoint().spec.name, name);
  }
}

TEST(IsRetryable, ServerErrorsThatAnotherEngineMayNotGive) {
  for (const int status : {500, 502, 503, 504}) EXPECT_TRUE(is_retryable(status));
  for (const int status : {200, 400, 404, 429, 501, 505}) EXPECT_FALSE(is_retryable(status));
}

}  // namespace
}  // namespace llmd::request
