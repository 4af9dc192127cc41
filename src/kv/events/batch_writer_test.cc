// SPDX-License-Identifier: Apache-2.0
#include "kv/events/batch_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "kv/events/golden_batch.h"
#include "kv/hash/block_key.h"

namespace llmd::kv {
namespace {

using nlohmann::json;
using testing::ElementsAreArray;

std::vector<OwnedEvent> read_back(const std::string& payload) {
  BatchReader reader;
  TestSink sink;
  const auto info = reader.read(payload, sink);
  EXPECT_TRUE(info.ok());
  EXPECT_EQ(info ? info->broken + info->unknown : 1, 0U);
  return sink.events;
}

TEST(BatchWriter, WritesTheCapturedBatchOfVllm026) {
  const OwnedEvent event = golden_event();
  BatchWriter writer(EventForm::kMap, 0);
  writer.stored(event.stored());
  EXPECT_EQ(writer.finish(kGoldenTimeS), kGolden);
}

TEST(BatchWriter, TheArrayFormIsInVllmsOrder) {
  BatchWriter writer(EventForm::kArray);
  const OwnedEvent event{.type = "stored",
                         .hashes = {7, 8},
                         .parent = 6,
                         .tokens = {1, 2, 3, 4},
                         .block_size = 2,
                         .lora_name = "sql",
                         .medium = "GPU",
                         .group = 1,
                         .spec_kind = SpecKind::kSlidingWindow,
                         .sliding_window = 128};
  writer.stored(event.stored(), "salt");
  writer.removed(event.removed());
  writer.cleared();
  const std::string payload = writer.finish(1.5);
  EXPECT_EQ(json::from_msgpack(payload), json::parse(R"([1.5, [
      ["BlockStored", [7, 8], 6, [1, 2, 3, 4], 2, null, "GPU", "sql", [["sql", "salt"], ["sql"]], 1,
       "sliding_window", 128],
      ["BlockRemoved", [7, 8], "GPU", 1],
      ["AllBlocksCleared"]]])"));
}

TEST(BatchWriter, IsEmptyAfterABatch) {
  BatchWriter writer(EventForm::kMap);
  EXPECT_TRUE(writer.empty());
  writer.cleared();
  EXPECT_FALSE(writer.empty());
  EXPECT_EQ(read_back(writer.finish(1)).size(), 1U);
  EXPECT_TRUE(writer.empty());
  EXPECT_TRUE(read_back(writer.finish(1)).empty());
}

std::string random_text(Random& random, size_t size_max) {
  std::string text(random.below(size_max + 1), ' ');
  for (char& letter : text) letter = static_cast<char>('a' + random.below(26));
  return text;
}

uint32_t random_width(Random& random) {
  return static_cast<uint32_t>(random.next() >> (32 + random.below(32)));
}

OwnedEvent random_stored(Random& random) {
  OwnedEvent event{.type = "stored"};
  event.block_size = static_cast<uint32_t>(random.below(40));
  for (uint64_t i = 1 + random.below(20); i > 0; --i) event.hashes.push_back(random.next());
  event.tokens.resize(event.hashes.size() * event.block_size);
  for (uint32_t& token : event.tokens) token = random_width(random);
  if (random.below(2) == 0) event.parent = random.next();
  if (random.below(4) == 0) event.lora_id = random.below(1000);
  if (random.below(4) == 0) event.sliding_window = random_width(random);
  event.lora_name = random_text(random, 300);
  event.medium = random_text(random, 40);
  event.group = random_width(random);
  const uint64_t first = event.sliding_window ? 1 : 0;  // the one is not said without the other
  event.spec_kind = static_cast<SpecKind>(first + random.below(11 - first));
  return event;
}

OwnedEvent random_removed(Random& random) {
  OwnedEvent event{.type = "removed", .medium = random_text(random, 40)};
  const uint64_t count = 1 + random.below(random.below(20) == 0 ? 70'000 : 50);
  for (uint64_t i = 0; i < count; ++i) event.hashes.push_back(random.next());
  event.group = random_width(random);
  return event;
}

OwnedEvent write_random_event(Random& random, BatchWriter& writer) {
  switch (random.below(20)) {
    case 0:
      writer.cleared();
      return {.type = "cleared"};
    case 1: {
      OwnedEvent event = random_removed(random);
      writer.removed(event.removed());
      return event;
    }
    default: {
      OwnedEvent event = random_stored(random);
      const std::string salt = random_text(random, 2);
      writer.stored(event.stored(), salt);
      if (!salt.empty()) {
        event.extra.resize(event.hashes.size());
        event.extra[0] = add_extra(0, salt);
      }
      return event;
    }
  }
}

TEST(BatchWriter, WhatItWritesIsReadBack) {
  Random random(1);
  for (int round = 0; round < 400; ++round) {
    BatchWriter writer(round % 2 == 0 ? EventForm::kMap : EventForm::kArray);
    std::vector<OwnedEvent> events(random.below(20));
    for (OwnedEvent& event : events) event = write_random_event(random, writer);
    const std::string payload = writer.finish(1.5);
    EXPECT_FALSE(json::from_msgpack(payload, true, false).is_discarded());
    EXPECT_THAT(read_back(payload), ElementsAreArray(events));
  }
}

}  // namespace
}  // namespace llmd::kv
