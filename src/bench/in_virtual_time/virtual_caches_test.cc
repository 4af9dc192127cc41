// SPDX-License-Identifier: Apache-2.0
// What the precise producer says of a virtual engine's cache, against what the engine then finds.
#include "bench/in_virtual_time/virtual_caches.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "engine/api/engine_process.h"
#include "engine/api/simulated_kind.h"
#include "request/tokenizers.h"
#include "schedule/producers/precise_prefix_cache_producer.h"

namespace llmd::bench {
namespace {

using std::chrono::milliseconds;

constexpr uint16_t kFirstPort = 1;
constexpr uint32_t kBlockTokens = 16;
constexpr uint32_t kBlocks = 200;

class VirtualCachesTest : public ::testing::Test {
 protected:
  VirtualCachesTest() {
    engine::EngineProcessOptions options;
    options.num_gpu_blocks_override = kBlocks;
    options.max_model_len = kBlocks * kBlockTokens / 2;
    options.simulated.emplace();
    options.simulated->profile = "qwen3-32b-tp2-h100";
    kind_ = *engine::load_simulated_kind(options);
    for (uint32_t i = 0; i < 2; ++i) {
      engines_.push_back(std::make_unique<VirtualEngine>(*kind_, time_));
      endpoints_.push_back(std::make_shared<endpoints::Endpoint>(
          endpoints::EndpointSpec{
              .name = std::to_string(i),
              .address = "127.0.0.1",
              .port = 80,
              .labels = {{std::string(endpoints::kKvEventsPortLabel), std::to_string(i + 1)}}},
          i));
    }
    producer_.use(std::make_unique<VirtualCaches>(time_, engines_, kFirstPort));
    for (const auto& endpoint : endpoints_) producer_.watch(*endpoint);
    settle();
  }

  void settle() { time_.run_until(time_.now() + milliseconds(10)); }

  std::string body_of(const std::vector<Piece>& prompt, Api api) const {
    Request request;
    request.output_tokens = 40;
    request.messages.push_back({.role = Role::kUser, .pieces = prompt, .text = {}});
    std::string body;
    write_body({.api = api, .model = kind_->shape().model_name}, *text_, request, body);
    return body;
  }

  /// Tokens of the prompt that the engines are said to hold, as far as an engine can use them: the
  /// last token is always computed.
  uint32_t predicted(uint32_t slot, const std::string& body) {
    schedule::TokenKeys keys;
    request::Tokenizers tokenizers(registry_, {}, 1);
    const auto words4 = *tokenizers.load(std::string(tokenize::kWords4));
    EXPECT_EQ(tokenizers.read(words4, {.body = body, .adapter = {}}, keys, {}), nullptr);
    EXPECT_EQ(keys.prompts(), 1U);
    const schedule::Prefix none;
    producer_.produce({.model = {},
                       .headers = {},
                       .prefix = &none,
                       .token_keys = &keys,
                       .prompt_tokens = keys.tokens,
                       .now = time_.now()});
    const uint32_t usable = (keys.tokens - 1) / kBlockTokens * kBlockTokens;
    return std::min(producer_.matched_tokens(slot), usable);
  }

  /// What engine `slot` has cached of it; the engine computes the rest, and answers.
  uint32_t found(uint32_t slot, const std::string& body, Api api) {
    uint32_t cached = 0;
    bool done = false;
    const auto submitted =
        engines_[slot]->submit(body, api, false, [&](const engine::Progress& progress) {
          cached = progress.cached;
          done = progress.finish != engine::FinishReason::kNone;
        });
    EXPECT_TRUE(std::holds_alternative<Submitted>(submitted));
    while (!done && time_.run_one()) {
    }
    EXPECT_TRUE(done);
    settle();
    return cached;
  }

  VirtualTime time_;
  observe::Registry registry_;
  std::unique_ptr<engine::EngineKind> kind_;
  std::unique_ptr<TokenText> text_ = make_words4_text();
  std::vector<std::unique_ptr<VirtualEngine>> engines_;
  std::vector<std::shared_ptr<endpoints::Endpoint>> endpoints_;
  schedule::PrecisePrefixCacheProducer producer_{{.expects_placed = false}};
};

TEST_F(VirtualCachesTest, TheNextMatchIsWhatTheEngineFindsAlsoWhenItEvicts) {
  Random random(7);
  uint64_t hits = 0;
  for (int i = 0; i < 400; ++i) {
    const auto below = [&](uint32_t end) { return static_cast<uint32_t>(random.below(end)); };
    const uint32_t slot = below(2);
    const Api api = below(2) == 0 ? Api::kChat : Api::kCompletion;
    // Ten begins, each with some ends: about four times what a cache holds.
    const uint32_t begin = 1 + below(10);
    const std::string body =
        body_of({{begin, 300 + 10 * begin}, {100 + below(5), 1 + below(200)}}, api);
    const uint32_t expected = predicted(slot, body);
    EXPECT_EQ(expected, found(slot, body, api)) << "request " << i;
    hits += expected > 0 ? 1 : 0;
  }
  EXPECT_GT(hits, 100U);
  EXPECT_LT(hits, 390U);
}

TEST_F(VirtualCachesTest, ARestartedEngineHoldsWhatItHasComputedSince) {
  const std::string before = body_of({{1, 500}}, Api::kChat);
  const std::string after = body_of({{2, 500}}, Api::kChat);
  found(0, before, Api::kChat);
  found(1, before, Api::kChat);
  EXPECT_GT(predicted(0, before), 480U);
  engines_[0]->restart();
  settle();
  EXPECT_EQ(predicted(0, before), 0U);
  EXPECT_GT(predicted(1, before), 480U);
  EXPECT_EQ(found(0, after, Api::kChat), 0U);
  EXPECT_EQ(predicted(0, after), found(0, after, Api::kChat));
  EXPECT_GT(predicted(0, after), 480U);
}

TEST_F(VirtualCachesTest, WhoIsFollowedAnewIsToldOfWhatHeMissed) {
  const std::string body = body_of({{1, 500}}, Api::kChat);
  found(0, body, Api::kChat);
  engines_[0]->restart();
  found(0, body, Api::kChat);
  producer_.forget(0);  // as when the metrics page shows that the process is another
  EXPECT_EQ(predicted(0, body), 0U);
  producer_.watch(*endpoints_[0]);
  settle();
  EXPECT_GT(predicted(0, body), 480U);
}

}  // namespace
}  // namespace llmd::bench
