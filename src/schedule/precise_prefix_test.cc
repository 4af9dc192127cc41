// SPDX-License-Identifier: Apache-2.0
// The precise producer over an index that the test writes itself.
#include <gtest/gtest.h>

#include "kv/index/endpoint_blocks.h"
#include "schedule/producers/precise_prefix_cache_producer.h"

namespace llmd::schedule {
namespace {

/// Endpoints' ids in the index are their slots.
class WrittenCaches final : public kv::FollowedCaches {
 public:
  void follow(uint32_t slot, const kv::EventSource& source) override { followed[slot] = source; }
  void forget(uint32_t slot) override {
    followed.erase(slot);
    ++forgotten;
  }
  kv::BlockIndex& index() override { return index_; }
  std::optional<uint32_t> slot_of(uint32_t endpoint) const override {
    return followed.contains(endpoint) ? std::optional(endpoint) : std::nullopt;
  }
  kv::Knowledge knowledge(uint32_t slot) const override {
    const auto found = known.find(slot);
    return found == known.end() ? kv::Knowledge::kNothing : found->second;
  }
  uint64_t entries(uint32_t slot) const override { return slot == 0 ? 1000 : 0; }

  std::map<uint32_t, kv::EventSource> followed;
  std::map<uint32_t, kv::Knowledge> known;
  int forgotten = 0;

 private:
  kv::BlockIndex index_;
};

struct Asked {
  explicit Asked(size_t tokens, std::string_view salt = {}, std::string_view adapter = {}) {
    for (uint32_t i = 0; i < tokens; ++i) ids.push_back(i);
    keys.add(ids, {.adapter = adapter}, salt);
    prefix.units = static_cast<uint32_t>(tokens / kUnitTokens);
    hash_prefix({.model = "m"}, std::string(tokens * 4, 'x'), blocks_of(kPrefixTokensMax), prefix);
  }
  Query query(TimePoint now = {}) const {
    return {.model = "m",
            .headers = {},
            .prefix = &prefix,
            .token_keys = &keys,
            .prompt_tokens = keys.tokens,
            .now = now};
  }
  std::vector<uint32_t> ids;
  TokenKeys keys;
  Prefix prefix;
};

struct PrecisePrefixTest : testing::Test {
  PrecisePrefixTest() {
    auto caches = std::make_unique<WrittenCaches>();
    written = caches.get();
    producer.use(std::move(caches));
    for (uint32_t slot = 0; slot < 3; ++slot) {
      endpoints.push_back(std::make_shared<endpoints::Endpoint>(
          endpoints::EndpointSpec{
              .name = std::to_string(slot), .address = "10.0.0.1", .port = 80, .labels = {}},
          slot));
      endpoints.back()->live.address = net::Address::parse("10.0.0.1", 80).value();
      endpoints.back()->live.scrape.cache_tokens = 100'000;
      producer.watch(*endpoints.back());
      written->known[slot] = kv::Knowledge::kWhole;
      blocks.push_back(std::make_unique<kv::EndpointBlocks>(written->index(), clock, slot));
    }
  }

  /// The endpoint's engine says that it holds that many tokens.
  void store(uint32_t slot, std::span<const uint32_t> ids, std::string_view medium = "GPU") {
    std::vector<kv::EngineHash> hashes;
    for (size_t i = 0; i < ids.size() / 16; ++i) hashes.push_back(100 + i);
    blocks[slot]->on_stored({.hashes = hashes, .tokens = ids, .block_size = 16, .medium = medium});
  }

  ManualClock clock;
  PrecisePrefixCacheProducer producer{PreciseIndexOptions{}};
  WrittenCaches* written;
  std::vector<std::shared_ptr<endpoints::Endpoint>> endpoints;
  std::vector<std::unique_ptr<kv::EndpointBlocks>> blocks;
};

TEST_F(PrecisePrefixTest, SaysWhatTheEnginesSay) {
  const Asked asked(160);
  store(0, std::span(asked.ids).first(64));
  store(1, std::span(asked.ids));
  store(2, std::span(asked.ids), "CPU");
  producer.produce(asked.query());
  EXPECT_EQ(producer.total_tokens(), 160U);
  EXPECT_EQ(producer.matched_tokens(0), 64U);
  EXPECT_EQ(producer.matched_tokens(1), 160U);
  EXPECT_EQ(producer.matched_tokens(2), 128U);  // at four fifths
}

TEST_F(PrecisePrefixTest, AnotherSaltOrAdapterSharesNothing) {
  store(0, Asked(160).ids);
  for (const Asked& other : {Asked(160, "salt"), Asked(160, "", "adapter")}) {
    producer.produce(other.query());
    EXPECT_EQ(producer.matched_tokens(0), 0U);
  }
}

TEST_F(PrecisePrefixTest, WhatWasJustSentSomewhereCountsThere) {
  const Asked asked(160);
  const Asked longer(320);
  store(1, std::span(asked.ids).first(32));
  producer.placed(asked.query(), *endpoints[1]);
  producer.produce(longer.query());
  EXPECT_EQ(producer.matched_tokens(1), 160U);
  EXPECT_EQ(producer.matched_tokens(0), 0U);
  producer.produce(longer.query(TimePoint{} + std::chrono::seconds(11)));
  EXPECT_EQ(producer.matched_tokens(1), 32U);
}

TEST_F(PrecisePrefixTest, WithoutIdsOrEventsTheApproximateIndexAnswers) {
  const Asked asked(256);
  producer.placed(asked.query(), *endpoints[1]);
  Query query = asked.query(TimePoint{} + std::chrono::hours(1));
  producer.produce(query);
  EXPECT_EQ(producer.matched_tokens(1), 0U);
  written->known[1] = kv::Knowledge::kPartial;
  EXPECT_EQ(producer.matched_tokens(1), 256U);
  written->known[1] = kv::Knowledge::kNothing;
  EXPECT_EQ(producer.matched_tokens(1), 256U);
  written->known[1] = kv::Knowledge::kWhole;
  query.token_keys = nullptr;
  producer.produce(query);
  EXPECT_EQ(producer.matched_tokens(1), 256U);
}

TEST_F(PrecisePrefixTest, AnEndpointWhoseAnswersContradictItIsDistrustedAndAskedAnew) {
  const Asked asked(1600);
  store(0, asked.ids);
  producer.produce(asked.query());
  ASSERT_EQ(producer.matched_tokens(0), 1600U);
  producer.placed(asked.query(), *endpoints[1]);
  const auto answer = [&](uint32_t cached) {
    endpoints[0]->live.prefix_accuracy.note(1600, cached, 1600);
  };
  for (int i = 0; i < 40; ++i) answer(1584);
  producer.watch(*endpoints[0]);
  EXPECT_EQ(written->forgotten, 0);
  for (int i = 0; i < 40; ++i) answer(0);
  producer.watch(*endpoints[0]);
  EXPECT_EQ(written->forgotten, 1);
  producer.watch(*endpoints[0]);
  EXPECT_EQ(written->forgotten, 1) << "not again before it has had a chance";
  for (int i = 0; i < 40; ++i) answer(1600);
  producer.watch(*endpoints[0]);
  EXPECT_EQ(written->forgotten, 1);
}

TEST_F(PrecisePrefixTest, FollowsEndpointsAtTheirPorts) {
  EXPECT_EQ(written->followed.at(0).events, net::Address::parse("10.0.0.1", 5557).value());
  EXPECT_FALSE(written->followed.at(0).replay);
  const endpoints::Endpoint ranked(
      {.name = "r",
       .address = "10.0.0.1",
       .port = 80,
       .labels = {{std::string(endpoints::kRankLabel), "2"},
                  {std::string(endpoints::kKvReplayPortLabel), "7000"}}},
      4);
  producer.watch(ranked);
  EXPECT_EQ(written->followed.at(4).events, net::Address::parse("10.0.0.1", 5559).value());
  EXPECT_EQ(written->followed.at(4).replay, net::Address::parse("10.0.0.1", 7000).value());
}

TEST_F(PrecisePrefixTest, AForgottenEndpointHoldsNothing) {
  const Asked asked(160);
  store(0, asked.ids);
  producer.placed(asked.query(), *endpoints[0]);
  producer.forget(0);
  producer.produce(asked.query());
  EXPECT_EQ(producer.matched_tokens(0), 0U);
}

TEST_F(PrecisePrefixTest, IsFullWhenTheEnginesBlocksFillIt) {
  EXPECT_FALSE(producer.is_full(0));
  endpoints[0]->live.scrape.cache_tokens = 16'000;
  producer.watch(*endpoints[0]);
  EXPECT_TRUE(producer.is_full(0));
}

}  // namespace
}  // namespace llmd::schedule
