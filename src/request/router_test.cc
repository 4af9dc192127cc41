// SPDX-License-Identifier: Apache-2.0
#include "request/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "request/test_rig.h"

namespace llmd::request {
namespace {

class RouterTest : public testing::Test, protected RouterRig {
 protected:
  RouterTest() : RouterRig({"a", "b", "c"}) {}

  openai::ApiError error(const std::string& body) { return send(body)->refusal().error; }
};

TEST_F(RouterTest, LoadIsCountedAtOnceAndGivenBackOnce) {
  auto first = send();
  EXPECT_EQ(in_flight(), 1U);
  first->ticket().finished();
  EXPECT_EQ(in_flight(), 0U);
  first.reset();
  EXPECT_EQ(in_flight(), 0U);
  send();
  EXPECT_EQ(in_flight(), 0U);
}

TEST_F(RouterTest, ABurstOfDifferentPromptsSpreads) {
  const auto a = send(R"({"model":"m","prompt":"1"})");
  const auto b = send(R"({"model":"m","prompt":"2"})");
  const auto c = send(R"({"model":"m","prompt":"3"})");
  EXPECT_EQ((std::set{a->place(), b->place(), c->place()}).size(), 3U);
}

TEST_F(RouterTest, AFailedAttemptGoesElsewhereAndTheLimitHolds) {
  const auto sent = send();
  Ticket& request = sent->ticket();
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
  pool().update({spec("a", 0)});
  const auto sent = send();
  const auto answer = sent->ticket().retry(Failure::kTimeout);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 504);
}

TEST_F(RouterTest, WhatJustFailedIsTheLastChoiceUntilItsBackoffEnds) {
  set_down(1);
  set_down(2);
  const auto first = send();
  EXPECT_TRUE(first->ticket().retry(Failure::kConnect).has_value());
  EXPECT_EQ(send()->place(), "a");  // no other choice
  set_up(1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send()->place(), "b");
  advance(std::chrono::milliseconds(600));
  live(1).in_flight = 5;
  EXPECT_EQ(send(R"({"model":"m","prompt":"other"})")->place(), "a");
}

TEST_F(RouterTest, AFirstByteClosesTheCircuit) {
  pool().update({spec("a", 0)});
  EXPECT_TRUE(send()->ticket().retry(Failure::kConnect).has_value());
  EXPECT_TRUE(live(0).circuit.is_open());
  send()->ticket().first_byte();
  EXPECT_FALSE(live(0).circuit.is_open());
}

TEST_F(RouterTest, ABrokenAnswerIsAFailure) {
  const auto request = send();
  const auto& circuit = request->ticket().endpoint().live.circuit;
  request->ticket().broken();
  EXPECT_TRUE(circuit.is_open());
}

TEST_F(RouterTest, ADrainingEndpointTakesNoNewWorkAndItsRequestsEnd) {
  pool().update({spec("a", 0)});
  const auto running = send();
  endpoints::EndpointSpec draining = spec("a", 0);
  draining.labels = {{"llm-d.ai/draining", "true"}};
  pool().update({draining});
  set_up(0);
  EXPECT_EQ(error(R"({"model":"m","prompt":""})").status, 503);
  EXPECT_FALSE(router().ready());
  const auto& load = running->ticket().endpoint().live;
  EXPECT_EQ(load.in_flight, 1U);
  running->ticket().finished();
  EXPECT_EQ(load.in_flight, 0U);
}

TEST(RouterReload, KeepsWhatWasLearnedOfTheCaches) {
  RouterRig rig({"a", "b", "c"});
  const std::string body = R"({"model":"m","prompt":")" + std::string(4096, 'x') + R"("})";
  const std::string first = rig.send(body)->place();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(rig.router().use(RouterRig::routing("")).ok());
    EXPECT_EQ(rig.send(body)->place(), first);
  }
}

TEST(RouterReload, WhoWaitsForAnEngineSeesTheOneThatComesAfterAReload) {
  const std::string objects = R"(apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
featureGates: [flowControl]
)";
  RouterRig rig({}, objects);
  const auto early = rig.send();
  ASSERT_TRUE(early->ticket().waits());
  ASSERT_TRUE(rig.router().use(RouterRig::routing(objects)).ok());
  rig.pool().update({RouterRig::spec("a", 0)});
  rig.set_up(0);
  EXPECT_EQ(early->place(), "a");
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
  for (size_t i = 0; i < 3; ++i) set_down(i);
  EXPECT_FALSE(router().ready());
  EXPECT_TRUE(router().model_names().empty());
  EXPECT_EQ(error(R"({"model":"m","prompt":""})").status, 503);
  pool().update({});
  EXPECT_EQ(error(R"({"model":"m","prompt":""})").status, 503);
}

TEST_F(RouterTest, ARemovedEndpointMayStillHoldARequest) {
  const auto request = send();
  pool().update({});
  EXPECT_FALSE(request->ticket().endpoint().host_port.empty());
  EXPECT_TRUE(request->ticket().retry(Failure::kClosed).has_value());
}

TEST_F(RouterTest, TheSecondTurnLandsWhereTheFirstWas) {
  const std::string question(300, 'q');
  const std::string first = R"({"model":"m","messages":[{"role":"user","content":")" + question;
  for (int round = 0; round < 20; ++round) {
    const std::string head = first + std::to_string(round);
    const std::string name = send(head + R"("}]})")->place();
    EXPECT_EQ(send(head + R"("},{"role":"assistant","content":"yes"}]})")->place(), name);
  }
}

TEST(IsRetryable, ServerErrorsThatAnotherEngineMayNotGive) {
  for (const int status : {500, 502, 503, 504}) EXPECT_TRUE(is_retryable(status));
  for (const int status : {200, 400, 404, 429, 501, 505}) EXPECT_FALSE(is_retryable(status));
}

}  // namespace
}  // namespace llmd::request
