// SPDX-License-Identifier: Apache-2.0
#include "endpoints/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmd::endpoints {
namespace {

EndpointSpec spec(std::string name, uint16_t port) {
  return {.name = std::move(name), .address = "127.0.0.1", .port = port, .labels = {}};
}

TEST(Pool, AnUnchangedEndpointKeepsItsLoadAndSlot) {
  Pool pool;
  pool.update({spec("a", 1), spec("b", 2)});
  const auto b = pool.snapshot()->at(1);
  b->live.in_flight = 3;
  pool.update({spec("b", 2), spec("c", 3)});
  ASSERT_EQ(pool.snapshot()->size(), 2U);
  EXPECT_EQ(pool.snapshot()->at(0), b);
  EXPECT_NE(pool.snapshot()->at(1)->slot, b->slot);
}

TEST(Pool, ASnapshotInHandDoesNotChange) {
  Pool pool;
  pool.update({spec("a", 1)});
  const auto before = pool.snapshot();
  pool.update({});
  EXPECT_EQ(before->size(), 1U);
  EXPECT_TRUE(pool.snapshot()->empty());
}

TEST(Pool, TellsWhoseCachesAreGone) {
  Pool pool;
  std::vector<uint32_t> lost;
  pool.on_cache_lost([&](uint32_t slot) { lost.push_back(slot); });
  pool.update({spec("a", 1), spec("b", 2)});
  pool.update({spec("a", 9), spec("b", 2)});  // a came back on another port
  EXPECT_THAT(lost, testing::ElementsAre(0));
  EXPECT_EQ(pool.snapshot()->at(0)->slot, 0U);
  EXPECT_EQ(pool.snapshot()->at(0)->host_port, "127.0.0.1:9");
}

TEST(Pool, TellsOfAChangeOnceItCanBeSeen) {
  Pool pool;
  std::vector<size_t> sizes;
  pool.on_change([&] { sizes.push_back(pool.snapshot()->size()); });
  pool.update({spec("a", 1), spec("b", 2)});
  pool.update({});
  EXPECT_THAT(sizes, testing::ElementsAre(2, 0));
}

TEST(Pool, SecondNamesAndTooManyEndpointsAreLeftOut) {
  Pool pool;
  pool.update({spec("a", 1), spec("a", 2)});
  ASSERT_EQ(pool.snapshot()->size(), 1U);
  EXPECT_EQ(pool.snapshot()->at(0)->spec.port, 1);
  std::vector<EndpointSpec> many;
  for (uint16_t i = 0; i < kEndpointsMax + 5; ++i) many.push_back(spec(std::to_string(i), i));
  pool.update(many);
  EXPECT_EQ(pool.snapshot()->size(), kEndpointsMax);
}

TEST(Live, OwnRequestsCountAtOnceAndScrapesAddOthers) {
  Live live;
  live.in_flight = 4;
  EXPECT_EQ(live.active_requests(), 4);
  live.scrape.waiting = 2;  // seven there, four of them ours
  live.scrape.running = 5;
  live.in_flight_at_scrape = 4;
  EXPECT_EQ(live.active_requests(), 7);
  EXPECT_EQ(live.waiting_requests(), 2);
  live.in_flight = 6;  // sent since: the engine is full, so they wait
  EXPECT_EQ(live.waiting_requests(), 4);
  live.in_flight = 0;
  EXPECT_EQ(live.active_requests(), 3);
  EXPECT_EQ(live.waiting_requests(), 0);
}

TEST(Live, WhatAnEngineDeniesHavingWaits) {
  Live live;
  live.in_flight = live.in_flight_at_scrape = 30;
  live.scrape.running = 26;  // four may be on their way
  EXPECT_EQ(live.waiting_requests(), 0);
  live.scrape.running = 0;
  EXPECT_EQ(live.waiting_requests(), 26);
  live.in_flight = 50;  // may run at once, for all that is known
  EXPECT_EQ(live.waiting_requests(), 26);
  live.in_flight = 10;
  EXPECT_EQ(live.waiting_requests(), 6);
}

}  // namespace
}  // namespace llmd::endpoints
