// SPDX-License-Identifier: Apache-2.0
// Prompts that become token keys on their way in, with words4: four bytes are one token.
#include "request/tokenizers.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "request/test_rig.h"

namespace llmd::request {
namespace {

/// What the loop would run, in the order in which threads gave it.
class Posted {
 public:
  std::function<void(std::function<void()>)> post() {
    return [this](std::function<void()> work) {
      const std::lock_guard lock(mutex_);
      work_.push_back(std::move(work));
      changed_.notify_one();
    };
  }
  /// Waits for the next.
  void run_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !work_.empty(); });
    const auto work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    work();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
};

constexpr const char* kObjects = R"(apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- {type: token-producer, parameters: {path: words4}}
- {type: prefix-cache-scorer}
schedulingProfiles:
- {name: default, plugins: [{pluginRef: prefix-cache-scorer}]}
)";

class TokenizedTest : public testing::Test {
 protected:
  TokenizedTest()
      : rig_({"a", "b"}, kObjects,
             {.on_decision =
                  [this](const schedule::Explanation& told) {
                    tokens_.push_back(told.prompt_tokens);
                  }},
             posted_.post()) {}

  static std::string body(size_t bytes) {
    return fmt::format(R"({{"model":"m","prompt":"{}"}})", std::string(bytes, 'x'));
  }
  double missed(const char* reason) {
    return rig_.registry()
        .counter("llmd_prompts_not_tokenized_total", "", {{"reason", reason}})
        .value();
  }

  Posted posted_;
  std::vector<uint32_t> tokens_;
  RouterRig rig_;
};

TEST_F(TokenizedTest, AShortPromptIsCountedAtOnce) {
  EXPECT_TRUE(rig_.send(body(401))->is_placed());
  EXPECT_THAT(tokens_, testing::ElementsAre(101));
}

TEST_F(TokenizedTest, AChatIsRenderedFirst) {
  // "user: hi\nassistant: " has 20 bytes.
  rig_.send(R"({"model":"m","messages":[{"role":"user","content":"hi"}]})");
  EXPECT_THAT(tokens_, testing::ElementsAre(5));
}

TEST_F(TokenizedTest, SeveralPromptsAreCountedTogether) {
  rig_.send(R"({"model":"m","prompt":["abcd","abcde",""]})");
  rig_.send(R"({"model":"m","prompt":[[1,2,3],[4]]})");
  EXPECT_THAT(tokens_, testing::ElementsAre(3, 4));
}

TEST_F(TokenizedTest, ALongPromptLetsShortOnesPass) {
  const auto long_one = rig_.send(body(1'000'000));
  EXPECT_FALSE(long_one->is_placed());
  EXPECT_TRUE(long_one->ticket().waits());
  EXPECT_TRUE(rig_.send(body(8))->is_placed());
  posted_.run_one();
  EXPECT_TRUE(long_one->is_placed());
  EXPECT_FALSE(long_one->ticket().waits());
  EXPECT_THAT(tokens_, testing::ElementsAre(2, 250'000));
}

TEST_F(TokenizedTest, WhoLeavesMeanwhileIsNotPlaced) {
  auto left = rig_.send(body(1'000'000));
  auto ended = rig_.send(body(1'000'000));
  ended->ticket().end();
  left.reset();
  posted_.run_one();
  posted_.run_one();
  EXPECT_FALSE(ended->is_placed());
  EXPECT_TRUE(tokens_.empty());
  EXPECT_EQ(rig_.in_flight(), 0U);
}

TEST_F(TokenizedTest, WhatIsNotUnderstoodGoesByItsBytes) {
  EXPECT_TRUE(
      rig_.send(R"({"model":"m","prompt":"abcd","truncate_prompt_tokens":1})")->is_placed());
  EXPECT_EQ(tokens_.back() % schedule::kUnitTokens, 0U);
  EXPECT_EQ(missed("not_understood"), 1);
}

TEST_F(TokenizedTest, WhatTheQueueCannotHoldGoesByItsBytes) {
  const std::string large = body(30U << 20U);
  std::vector<std::unique_ptr<TestRequest>> waiting;
  while (missed("queue_full") == 0) {
    waiting.push_back(rig_.send(large));
    ASSERT_LE(waiting.size(), 100U);
  }
  EXPECT_TRUE(waiting.back()->is_placed());
  EXPECT_NE(tokens_.back(), large.size() / 4);
}

TEST_F(TokenizedTest, AReloadKeepsWhoIsBeingTokenized) {
  const auto early = rig_.send(body(1'000'000));
  ASSERT_TRUE(rig_.router().use(RouterRig::routing("")).ok());
  posted_.run_one();
  EXPECT_TRUE(early->is_placed());
}

TEST(Tokenizers, FilesAreReadOnceAndMissingOnesAreNamed) {
  observe::Registry registry;
  Tokenizers tokenizers(registry, {}, 1);
  const TokenizerPtr first = tokenizers.load("words4").value();
  EXPECT_EQ(tokenizers.load("words4").value(), first);
  EXPECT_THAT(tokenizers.load("/no/such/directory").error().message,
              testing::HasSubstr("/no/such/directory/tokenizer.json"));
}

TEST(Tokenizers, AServicesOwnTokenizerIsKnownByItsObject) {
  resources::ModelService service;
  service.engine.type = resources::EngineType::kSimulated;
  EXPECT_EQ(tokenizer_of(service), "words4");
  service.engine.args = {"--tokenizer", "/other"};
  EXPECT_EQ(tokenizer_of(service), "/other");
  service = {};
  service.model_path = "/models/m";
  EXPECT_EQ(tokenizer_of(service), "/models/m");
}

TEST(Tokenizers, AnUnknownTokenizerIsToldByAMetric) {
  RouterRig rig({"a"}, R"(apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins: [{type: token-producer}]
schedulingProfiles: [{name: default, plugins: []}]
)");
  EXPECT_TRUE(rig.send()->is_placed());
  EXPECT_EQ(rig.registry().gauge("llmd_pool_tokenizer_loaded", "", {{"pool", "default"}}).value(),
            0);
}

}  // namespace
}  // namespace llmd::request
