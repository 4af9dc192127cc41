// SPDX-License-Identifier: Apache-2.0
#include "kv/events/batch_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "kv/events/golden_batch.h"
#include "kv/events/test_sink.h"
#include "kv/hash/block_key.h"

namespace llmd::kv {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using testing::ElementsAre;
using namespace std::string_literals;

struct Read {
  BatchInfo info;
  std::vector<OwnedEvent> events;
};

Read read(const std::string& payload) {
  BatchReader reader;
  TestSink sink;
  const auto info = reader.read(payload, sink);
  EXPECT_TRUE(info.ok());
  return {info ? *info : BatchInfo{}, std::move(sink.events)};
}

/// What an independent writer makes of a batch with these events.
template <typename Json>
std::string batch(Json events) {
  std::string bytes;
  Json::to_msgpack(Json::array({1.5, std::move(events), 0}), bytes);
  return bytes;
}

Read read_events(const json& events) { return read(batch(events)); }

std::vector<uint32_t> numbers(uint32_t count, uint32_t first = 0) {
  std::vector<uint32_t> tokens(count);
  for (uint32_t i = 0; i < count; ++i) tokens[i] = first + i;
  return tokens;
}

json stored_map() {
  return {{"type", "BlockStored"},
          {"block_hashes", {7, 8}},
          {"parent_block_hash", 6},
          {"token_ids", numbers(8, 250)},
          {"block_size", 4}};
}

OwnedEvent stored_event() {
  return {
      .type = "stored", .hashes = {7, 8}, .parent = 6, .tokens = numbers(8, 250), .block_size = 4};
}

TEST(BatchReader, ReadsTheCapturedBatchOfVllm026) {
  const Read got = read(kGolden);
  EXPECT_EQ(got.info.timestamp_s, kGoldenTimeS);
  EXPECT_EQ(got.info.rank, 0U);
  EXPECT_THAT(got.events, ElementsAre(golden_event()));
}

TEST(BatchReader, CutAnywhereItNeverGivesHalfAnEvent) {
  BatchReader reader;
  for (size_t cut = 0; cut < kGolden.size(); ++cut) {
    TestSink sink;
    const auto info = reader.read(kGolden.substr(0, cut), sink);
    EXPECT_TRUE(!info || info->truncated) << cut;
    EXPECT_EQ(sink.events.size(), cut + 1 == kGolden.size() ? 1U : 0U) << cut;
  }
}

/// The array form as each version of vLLM had it, shortest first.
TEST(BatchReader, ReadsTheArrayFormOfEveryVersion) {
  json event = {"BlockStored", {7, 8}, 6, numbers(8, 250), 4, nullptr};
  OwnedEvent expected = stored_event();
  EXPECT_THAT(read_events(json::array({event})).events, ElementsAre(expected));
  event[5] = 3;
  expected.lora_id = 3;
  event.push_back("GPU");
  expected.medium = "GPU";
  EXPECT_THAT(read_events(json::array({event})).events, ElementsAre(expected));
  event.push_back("sql");
  expected.lora_name = "sql";
  event.push_back({json::array({"sql"}), json::array({"sql"})});
  EXPECT_THAT(read_events(json::array({event})).events, ElementsAre(expected));
  event.push_back(2);
  expected.group = 2;
  event.push_back("sliding_window");
  expected.spec_kind = SpecKind::kSlidingWindow;
  event.push_back(1024);
  expected.sliding_window = 1024;
  EXPECT_THAT(read_events(json::array({event})).events, ElementsAre(expected));
  event.push_back({{"of a later", "version"}});
  event.push_back(0.5);
  EXPECT_THAT(read_events(json::array({event})).events, ElementsAre(expected));
}

TEST(BatchReader, ReadsTheMapFormInAnyOrderOfKeys) {
  json event = stored_map();  // sorted: the type comes last
  event["locality"] = "LOCAL";
  event["ownership"] = {{"nested", {1, 2, 3}}};
  event["group_idx"] = 1;
  event["kv_cache_spec_kind"] = "of a later version";
  OwnedEvent expected = stored_event();
  expected.group = 1;
  expected.spec_kind = SpecKind::kUnknown;
  EXPECT_THAT(read_events(json::array({event})).events, ElementsAre(expected));
  ordered_json first = {{"type", "BlockStored"}};
  first.update(ordered_json(event));
  EXPECT_THAT(read(batch(ordered_json::array({first}))).events, ElementsAre(expected));
}

TEST(BatchReader, ReadsRemovalsAndClears) {
  OwnedEvent gpu{.type = "removed", .hashes = {1, 2}, .medium = "GPU"};
  OwnedEvent bare{.type = "removed", .hashes = {1}};
  const OwnedEvent cleared{.type = "cleared"};
  const Read got = read_events({{"BlockRemoved", {1, 2}, "GPU"},
                                {{"type", "BlockRemoved"}, {"block_hashes", {1}}},
                                json::array({"AllBlocksCleared"}),
                                {{"type", "AllBlocksCleared"}}});
  EXPECT_THAT(got.events, ElementsAre(gpu, bare, cleared, cleared));
  EXPECT_EQ(got.info.read, 4U);
}

TEST(BatchReader, TakesTheLastEightBytesOfByteHashes) {
  const std::string payload =
      "\x92\x01\x91\x93\xac"
      "BlockRemoved\x94"
      "\xc4\x20"s +
      std::string(24, '\xee') +
      "\x01\x02\x03\x04\x05\x06\x07\x08"
      "\xc4\x10"s +
      std::string(8, '\xee') +
      "\xff\x02\x03\x04\x05\x06\x07\x08"
      "\xc4\x03\x01\x02\x03"
      "\xc4\x00"s
      "\xa3GPU";
  EXPECT_THAT(
      read(payload).events,
      ElementsAre(OwnedEvent{.type = "removed",
                             .hashes = {0x0102030405060708, 0xff02030405060708, 0x010203, 0},
                             .medium = "GPU"}));
}

TEST(BatchReader, ReadsSglang) {
  const Read got = read_events(
      {{"BlockStored", {-5, 6}, -7, numbers(2), 1, nullptr, "GPU"}, {"BlockRemoved", {-5}, "GPU"}});
  ASSERT_EQ(got.events.size(), 2U);
  EXPECT_THAT(got.events[0].hashes, ElementsAre(static_cast<EngineHash>(-5), 6));
  EXPECT_EQ(got.events[0].parent, static_cast<EngineHash>(-7));
  EXPECT_THAT(got.events[1].hashes, ElementsAre(static_cast<EngineHash>(-5)));
}

TEST(BatchReader, ReadsPlaceholdersOfOffloadedBlocks) {
  const Read got = read_events({{{"type", "BlockStored"},
                                 {"block_hashes", {9}},
                                 {"parent_block_hash", nullptr},
                                 {"token_ids", json::array()},
                                 {"block_size", 0},
                                 {"medium", "CPU"}}});
  EXPECT_THAT(got.events,
              ElementsAre(OwnedEvent{.type = "stored", .hashes = {9}, .medium = "CPU"}));
}

std::vector<uint64_t> extra_of(const json& extra_keys, const json& lora_name = nullptr) {
  json event = stored_map();
  event["extra_keys"] = extra_keys;
  event["lora_name"] = lora_name;
  const Read got = read_events(json::array({event}));
  EXPECT_EQ(got.events.size(), 1U);
  return got.events.empty() ? std::vector<uint64_t>{} : got.events[0].extra;
}

TEST(BatchReader, FoldsExtraKeys) {
  EXPECT_THAT(extra_of(nullptr), ElementsAre());
  EXPECT_THAT(extra_of(json::array()), ElementsAre());
  EXPECT_THAT(extra_of({nullptr, nullptr}), ElementsAre());
  EXPECT_THAT(extra_of({json::array({"salt"}), nullptr}), ElementsAre(add_extra(0, "salt"), 0));
  const uint64_t image = add_extra(0, "image");
  EXPECT_THAT(extra_of(json::array({{"image", "salt"}, json::array({"image"})})),
              ElementsAre(add_extra(image, "salt"), image));
  const json pair = {"image", -2};
  const uint64_t placed = add_extra(image, "\xfe\xff\xff\xff\xff\xff\xff\xff");
  EXPECT_THAT(extra_of({json::array({pair, "salt"}), nullptr}),
              ElementsAre(add_extra(placed, "salt"), 0));
}

TEST(BatchReader, KeepsTheAdaptersNameOutOfTheExtraKeys) {
  EXPECT_THAT(extra_of({json::array({"sql"}), json::array({"sql"})}, "sql"), ElementsAre());
  EXPECT_THAT(extra_of(json::array({{"sql", "salt"}, json::array({"sql"})}), "sql"),
              ElementsAre(add_extra(0, "salt"), 0));
  EXPECT_THAT(extra_of({json::array({"salt"}), nullptr}, "sql"),
              ElementsAre(add_extra(0, "salt"), 0));
  EXPECT_THAT(extra_of(json::array({{"sql", "sql"}, nullptr}), "sql"),
              ElementsAre(add_extra(0, "sql"), 0));
}

TEST(BatchReader, ExtraKeysOfUnknownShapeStillTellBlocksApart) {
  const auto extra_with = [](int kind) {
    return extra_of(json::array({json::array({{{"kind", kind}}}), nullptr}));
  };
  const auto one = extra_with(1);
  const auto other = extra_with(2);
  ASSERT_EQ(one.size(), 2U);
  EXPECT_NE(one[0], 0U);
  EXPECT_NE(one[0], other[0]);
}

TEST(BatchReader, OneBadEventCostsThatEvent) {
  const json good = stored_map();
  const auto with = [&](const char* key, const json& value) {
    json event = good;
    event[key] = value;
    return event;
  };
  for (const json& bad :
       {with("block_hashes", "7"), with("block_hashes", json::array()),
        with("block_hashes", {7.5, 8}), with("token_ids", numbers(7)),
        with("token_ids", {-1, 2, 3, 4, 5, 6, 7, 8}), with("token_ids", {"1"}),
        with("block_size", 8), with("block_size", -4), with("parent_block_hash", "x"),
        with("medium", 1), with("extra_keys", json::array({nullptr})), with("extra_keys", {1, 2}),
        with("group_idx", 1ULL << 32), with("type", 5), json(17), json("BlockStored"),
        json::array(), json::array({1}), json::object()}) {
    const Read got = read_events({good, bad, {{"type", "OfALaterVersion"}}, {"Other", {1}}, good});
    EXPECT_THAT(got.events, ElementsAre(stored_event(), stored_event())) << bad;
    EXPECT_EQ(got.info.broken, 1U) << bad;
    EXPECT_EQ(got.info.unknown, 2U) << bad;
    EXPECT_FALSE(got.info.truncated);
    EXPECT_EQ(got.info.rank, 0U);
  }
}

TEST(BatchReader, GarbageWithinTheListKeepsWhatCameBefore) {
  const Read got = read(
      "\x92\x01\x92\x92\xac"
      "BlockRemoved\x91\x05\xc1"s);
  EXPECT_EQ(got.events.size(), 1U);
  EXPECT_EQ(got.info.broken, 1U);
  EXPECT_TRUE(got.info.truncated);
}

TEST(BatchReader, TheRankMayBeMissingOrNil) {
  EXPECT_EQ(read("\x92\x01\x90"s).info.rank, std::nullopt);
  EXPECT_EQ(read("\x93\x01\x90\xc0"s).info.rank, std::nullopt);
  EXPECT_EQ(read("\x94\x01\x90\x05\xa1z"s).info.rank, 5U);
  const Read too_large = read("\x93\x01\x90\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s);
  EXPECT_EQ(too_large.info.rank, std::nullopt);
  EXPECT_FALSE(too_large.info.truncated);
  EXPECT_EQ(read_rank("\x94\x01\x90\x05\xa1z"s), 5U);
  EXPECT_EQ(read_rank("\x93\x01\x90\xc0"s), std::nullopt);
  EXPECT_EQ(read_rank("\x92\x01\x90"s), std::nullopt);
  EXPECT_EQ(read_rank("\x93\x01\x91"s), std::nullopt);
}

TEST(BatchReader, RefusesWhatIsNoBatch) {
  BatchReader reader;
  TestSink sink;
  for (const std::string& payload :
       {""s, "\xc1"s, "\x01"s, "\x91\x01"s, "\x92\xa1z\x90"s, "\x92\x01\x80"s, "{\"a\":1}"s}) {
    EXPECT_FALSE(reader.read(payload, sink).ok());
  }
  EXPECT_TRUE(sink.events.empty());
}

}  // namespace
}  // namespace llmd::kv
