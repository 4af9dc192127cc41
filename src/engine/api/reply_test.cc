// SPDX-License-Identifier: Apache-2.0
#include "engine/api/reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "engine/batch/scripted_executor.h"

namespace llmd::engine {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

/// Remembers what it was told.
struct FakeExchange final : http::Exchange {
  const http::RequestHead& head() const override { return head_; }
  std::string_view body() const override { return {}; }
  void release_body() override {}
  bool keep_alive() const override { return true; }
  void respond(int answered, std::string_view, std::string_view body,
               std::span<const http::Header>) override {
    status = answered;
    sent = body;
    ended = true;
  }
  void start(int answered, std::string_view, std::span<const http::Header>) override {
    status = answered;
  }
  void start_raw(std::string_view, bool) override { FAIL(); }
  void write(std::string_view bytes) override { sent += bytes; }
  void write_through(std::span<const std::string_view>) override { FAIL(); }
  void finish() override { ended = true; }
  void finish_and_close() override { ended = true; }
  void abort() override { aborted = true; }
  size_t unsent_bytes() const override { return stuck ? sent.size() : 0; }
  void on_drained(std::function<void()>) override {}
  void on_disconnect(std::function<void()> callback) override { disconnect = std::move(callback); }

  int status = 0;
  std::string sent;
  bool ended = false;
  bool aborted = false;
  bool stuck = false;  ///< the client takes nothing
  std::function<void()> disconnect;

 private:
  http::RequestHead head_;
};

constexpr TokenId kVocab = 1000;

class ReplyTest : public ::testing::Test {
 protected:
  ReplyTest()
      : assets(words4_assets()),
        engine(
            {{4, 64, 4096, 4, true, {}}, 3}, std::make_unique<BlockPool>(2048), make_executor(),
            *assets.tokenizer, clock,
            [this](std::function<void()> work) { posted.push_back(std::move(work)); },
            std::make_unique<EngineMetrics>(registry,
                                            MetricsInfo{"m", 4, 2048, 4096, "f32", true})),
        context{.engine = engine,
                .assets = assets,
                .registry = registry,
                .model_names = {"m"},
                .model_root = "",
                .api_keys = {},
                .vocab_size = kVocab,
                .simulated_profile = "",
                .unix_time_s = [] { return int64_t{7}; },
                .seeds = Random(1),
                .ids = Random(2),
                .capabilities = {},
                .limits = {},
                .slow_streams_cut = registry.counter("cut_total", "c"),
                .refresh_metrics = {}} {}

  static std::unique_ptr<Executor> make_executor() {
    auto executor = std::make_unique<ScriptedExecutor>(2048, 4, kVocab);
    executor->immediate = true;
    return executor;
  }

  void run_reply(size_t choices, uint32_t max_tokens, const openai::StreamFields& streaming) {
    std::vector<EngineRequest> requests(choices);
    for (EngineRequest& request : requests) {
      request.prompt = {1, 2, 3};
      request.stop.max_tokens = max_tokens;
    }
    std::make_shared<Reply>(context, exchange, openai::make_completion_format("id", "m", 7),
                            streaming)
        ->run(std::move(requests), choices);
  }

  bool turn() {
    std::deque<std::function<void()>> work;
    work.swap(posted);
    for (auto& item : work) item();
    return !work.empty();
  }

  void run() {
    while (turn()) {
    }
  }

  SteadyClock clock;
  observe::Registry registry;
  std::deque<std::function<void()>> posted;
  ModelAssets assets;
  Engine engine;
  ApiContext context;
  std::shared_ptr<FakeExchange> exchange = std::make_shared<FakeExchange>();
};

TEST_F(ReplyTest, GathersAllChoices) {
  run_reply(2, 5, {});
  run();
  EXPECT_EQ(exchange->status, 200);
  EXPECT_THAT(exchange->sent, HasSubstr(R"({"index":1,)"));
  EXPECT_THAT(exchange->sent, HasSubstr(R"("prompt_tokens":3,"total_tokens":13)"));
  EXPECT_TRUE(exchange->ended);
}

TEST_F(ReplyTest, StreamsAndEnds) {
  openai::StreamFields streaming;
  streaming.stream = true;
  run_reply(1, 5, streaming);
  EXPECT_EQ(exchange->status, 0);  // the head waits for the first token
  run();
  EXPECT_EQ(exchange->status, 200);
  EXPECT_THAT(exchange->sent, EndsWith("data: [DONE]\n\n"));
  EXPECT_TRUE(exchange->ended);
}

TEST_F(ReplyTest, AClientThatTakesNothingIsCut) {
  context.limits.unsent_bytes_max = 10000;
  exchange->stuck = true;
  openai::StreamFields streaming;
  streaming.stream = true;
  run_reply(1, 4000, streaming);
  run();
  EXPECT_TRUE(exchange->aborted);
  EXPECT_FALSE(exchange->ended);
  EXPECT_LT(exchange->sent.size(), 11000U);
  EXPECT_EQ(context.slow_streams_cut.value(), 1);
  EXPECT_EQ(engine.requests(), 0U);
  EXPECT_EQ(engine.pool().used_count(), 0U);
}

TEST_F(ReplyTest, ADisconnectEndsAllChoices) {
  run_reply(3, 4000, {});
  for (int i = 0; i < 9; ++i) turn();
  EXPECT_EQ(engine.requests(), 3U);
  exchange->disconnect();
  run();
  EXPECT_EQ(engine.requests(), 0U);
  EXPECT_EQ(exchange->status, 0);
  EXPECT_EQ(exchange.use_count(), 1) << "somebody holds on to it";
}

TEST_F(ReplyTest, AFullQueueRefusesAllOrNothing) {
  run_reply(4, 5, {});  // waiting_max is 3
  EXPECT_EQ(exchange->status, 503);
  EXPECT_THAT(exchange->sent, HasSubstr("queue_full"));
  EXPECT_EQ(engine.requests(), 0U);
  run();
}

}  // namespace
}  // namespace llmd::engine
