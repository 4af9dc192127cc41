// SPDX-License-Identifier: Apache-2.0
#include "engine/api/kv_event_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/events/test_sink.h"
#include "kv/hash/block_key.h"

namespace llmd::engine {
namespace {

using kv::OwnedEvent;
using testing::ElementsAre;

BlockHash hash_of(uint8_t n) {
  BlockHash hash{};
  hash.back() = n;
  return hash;
}

struct Recorded : testing::Test {
  static constexpr uint32_t kBlockSize = 2;
  BlockPool pool{4};
  std::vector<std::string> batches;
  KvEventRecorder recorder{pool, kBlockSize, kv::BatchWriter(kv::EventForm::kMap),
                           [this] { ++changes; }};
  int changes = 0;
  std::vector<BlockId> blocks;

  /// `step`, and the batch that is due after it.
  void turn(const std::function<void()>& step) {
    changes = 0;
    step();
    ASSERT_LE(changes, 1);
    if (changes > 0) batches.push_back(recorder.finish(0));
  }
  void store(uint8_t n, uint8_t parent, std::string_view adapter = {}, std::string_view salt = {}) {
    if (blocks.empty()) {
      ASSERT_TRUE(pool.allocate(4, blocks));
    }
    const std::vector<TokenId> tokens = {n, uint32_t{n} + 1};
    StoredBlock stored;
    stored.block = blocks.back();
    stored.hash = hash_of(n);
    stored.parent = hash_of(parent);
    stored.tokens = tokens;
    stored.adapter = adapter;
    stored.salt = salt;
    stored.first = parent == 0;
    pool.store(stored);
    blocks.pop_back();
  }
  static OwnedEvent stored_event(std::vector<kv::EngineHash> hashes,
                                 std::optional<kv::EngineHash> parent) {
    OwnedEvent event{.type = "stored",
                     .hashes = std::move(hashes),
                     .parent = parent,
                     .block_size = kBlockSize,
                     .medium = "GPU",
                     .spec_kind = kv::SpecKind::kFullAttention};
    for (const kv::EngineHash hash : event.hashes) {
      event.tokens.insert(event.tokens.end(),
                          {static_cast<TokenId>(hash), static_cast<TokenId>(hash + 1)});
    }
    return event;
  }
  std::vector<OwnedEvent> events() const {
    kv::BatchReader reader;
    kv::TestSink sink;
    for (const std::string& batch : batches) EXPECT_TRUE(reader.read(batch, sink).ok());
    return sink.events;
  }
};

TEST_F(Recorded, BlocksThatFollowOneAnotherAreOneEvent) {
  turn([&] {
    store(1, 0);
    store(2, 1);
    store(5, 4);
    store(3, 0);
  });
  EXPECT_EQ(batches.size(), 1U);
  EXPECT_THAT(events(), ElementsAre(stored_event({1, 2}, std::nullopt), stored_event({5}, 4),
                                    stored_event({3}, std::nullopt)));
}

TEST_F(Recorded, ATurnWithoutChangesSaysNothing) {
  turn([] {});
  EXPECT_TRUE(batches.empty());
  turn([&] { store(1, 0); });
  turn([&] { store(2, 1); });
  EXPECT_EQ(batches.size(), 2U);
  EXPECT_THAT(events(), ElementsAre(stored_event({1}, std::nullopt), stored_event({2}, 1)));
}

TEST_F(Recorded, AdapterAndSaltAreSaid) {
  turn([&] {
    store(1, 0, "sql", "mine");
    store(2, 1, "sql");
  });
  OwnedEvent expected = stored_event({1, 2}, std::nullopt);
  expected.lora_name = "sql";
  expected.extra = {kv::add_extra(0, "mine"), 0};
  EXPECT_THAT(events(), ElementsAre(expected));
}

TEST_F(Recorded, OrderIsKeptAcrossKinds) {
  turn([&] {
    ASSERT_TRUE(pool.allocate(2, blocks));
    const std::vector<BlockId> used = blocks;
    store(1, 0);
    store(2, 1);
    for (const BlockId block : used) pool.release(block);
    ASSERT_TRUE(pool.allocate(4, blocks));  // evicts both
    store(3, 0);
    pool.clear();
  });
  EXPECT_EQ(batches.size(), 1U);
  const OwnedEvent cleared{.type = "cleared"};
  EXPECT_THAT(events(),
              ElementsAre(stored_event({1, 2}, std::nullopt),
                          OwnedEvent{.type = "removed", .hashes = {2, 1}, .medium = "GPU"},
                          stored_event({3}, std::nullopt), cleared));
}

}  // namespace
}  // namespace llmd::engine
