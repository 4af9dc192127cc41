// SPDX-License-Identifier: Apache-2.0
// Real publishers over loopback, followed into an index.
#include "kv/index/live_index.h"

#include <gtest/gtest.h>

#include <thread>

#include "kv/events/batch_writer.h"
#include "kv/events/event_publisher.h"
#include "kv/index/index_reader.h"

namespace llmd::kv {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

/// Whether it became true in time.
template <typename Condition>
bool eventually(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

net::Address address_of(const std::string& endpoint) {
  const auto port = static_cast<uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
  return net::Address::parse("127.0.0.1", port).value();
}

/// An engine that caches prompts of its own.
class TestEngine {
 public:
  TestEngine() {
    PublisherConfig config;
    config.enable_kv_cache_events = true;
    config.endpoint = "tcp://127.0.0.1:0";
    config.replay_endpoint = "tcp://127.0.0.1:0";
    publisher_ = EventPublisher::start(config).value();
  }
  EventSource source() const {
    return {.events = address_of(publisher_->endpoint()),
            .replay = address_of(*publisher_->replay_endpoint())};
  }
  void store(uint32_t prompt, size_t blocks) {
    const auto tokens = tokens_of(prompt, blocks);
    std::vector<EngineHash> hashes;
    for (size_t i = 0; i < blocks; ++i) hashes.push_back(prompt * 1000 + i);
    BatchWriter writer(EventForm::kMap);
    writer.stored({.hashes = hashes, .tokens = tokens, .block_size = 16, .medium = "GPU"});
    publisher_->publish(writer.finish(1));
  }
  void remove(uint32_t prompt, size_t block) {
    const std::vector<EngineHash> hashes{prompt * 1000 + block};
    BatchWriter writer(EventForm::kArray);
    writer.removed({.hashes = hashes, .medium = "GPU"});
    publisher_->publish(writer.finish(2));
  }
  static std::vector<uint32_t> tokens_of(uint32_t prompt, size_t blocks) {
    std::vector<uint32_t> tokens(blocks * 16);
    for (size_t i = 0; i < tokens.size(); ++i)
      tokens[i] = prompt * 100'000 + static_cast<uint32_t>(i);
    return tokens;
  }

 private:
  std::unique_ptr<EventPublisher> publisher_;
};

struct LiveIndexTest : testing::Test {
  LiveIndex live;
  IndexReader reader{live.index()};

  uint32_t length(uint32_t slot, uint32_t prompt) {
    std::vector<BlockKey> keys;
    BlockKey key = root_key({});
    const auto tokens = TestEngine::tokens_of(prompt, 20);
    for (size_t i = 0; i < tokens.size(); i += 16) {
      keys.push_back(key = chain_key(key, std::span(tokens).subspan(i, 16)));
    }
    for (const Match& match : reader.match(keys)) {
      if (live.slot_of(match.endpoint) == slot) return match.length();
    }
    return 0;
  }
};

TEST_F(LiveIndexTest, FollowsWhatEnginesSayAndSaidBefore) {
  TestEngine one;
  TestEngine two;
  one.store(1, 10);
  live.follow(3, one.source());
  live.follow(4, two.source());
  EXPECT_TRUE(eventually([&] { return length(3, 1) == 10; }));
  EXPECT_TRUE(eventually([&] { return live.knowledge(4) == Knowledge::kWhole; }))
      << "an engine that holds nothing says so";
  two.store(1, 5);
  two.store(2, 20);
  one.remove(1, 7);
  EXPECT_TRUE(eventually([&] { return length(4, 2) == 20 && length(3, 1) == 7; }));
  EXPECT_EQ(length(4, 1), 5U);
  EXPECT_EQ(live.knowledge(3), Knowledge::kWhole);
  EXPECT_EQ(live.entries(4), 25U);
  const auto report = live.report();
  EXPECT_EQ(report.sources.size(), 2U);
}

TEST_F(LiveIndexTest, AnEngineInThePlaceOfAnotherStartsEmpty) {
  auto first = std::make_unique<TestEngine>();
  first->store(1, 10);
  live.follow(0, first->source());
  ASSERT_TRUE(eventually([&] { return length(0, 1) == 10; }));
  live.forget(0);
  EXPECT_EQ(length(0, 1), 0U);
  EXPECT_EQ(live.knowledge(0), Knowledge::kNothing);
  TestEngine second;
  second.store(2, 3);
  live.follow(0, second.source());
  EXPECT_TRUE(eventually([&] { return length(0, 2) == 3; }));
  EXPECT_EQ(length(0, 1), 0U);
}

}  // namespace
}  // namespace llmd::kv
