// SPDX-License-Identifier: Apache-2.0
#include "engine/batch/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "engine/batch/scripted_executor.h"

namespace llmd::engine {
namespace {

using ::testing::HasSubstr;

constexpr TokenId kVocab = 26;

/// Token n is the letter 'a' + n.
class Letters final : public tokenize::Tokenizer {
 public:
  using Tokenizer::encode;
  std::vector<TokenId> encode(std::string_view text, bool, tokenize::EncodeCache*) const override {
    std::vector<TokenId> out;
    for (const char c : text) out.push_back(static_cast<TokenId>(c - 'a'));
    return out;
  }
  void decode_next(tokenize::DecodeState&, TokenId token, bool, std::string& out) const override {
    out += static_cast<char>('a' + token);
  }
  size_t vocab_size() const override { return kVocab; }
  std::optional<TokenId> token_to_id(std::string_view) const override { return std::nullopt; }
  std::string id_to_token(TokenId id) const override { return {static_cast<char>('a' + id)}; }
  bool is_special(TokenId) const override { return false; }
};

/// What one request was told.
struct Heard {
  std::vector<TokenId> tokens;
  std::string text;
  FinishReason finish = FinishReason::kNone;
  std::string stop_string;
  std::optional<TokenId> stop_token;
  uint32_t cached = 0;
  int calls = 0;
};

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() { make_engine({}); }

  void make_engine(const std::vector<TokenId>& eos, uint32_t blocks = 64,
                   uint32_t waiting_max = 4) {
    EngineOptions options;
    options.scheduler = {4, 64, 64, 4, true, eos};
    options.waiting_max = waiting_max;
    auto executor = std::make_unique<ScriptedExecutor>(blocks, 4, kVocab);
    executor_ = executor.get();
    engine.reset();
    registry = std::make_unique<observe::Registry>();
    engine = std::make_unique<Engine>(
        options, std::make_unique<BlockPool>(blocks), std::move(executor), letters, clock,
        [this](std::function<void()> work) { posted.push_back(std::move(work)); },
        std::make_unique<EngineMetrics>(*registry, MetricsInfo{"m", 4, blocks, 64, "f32", true}));
  }

  static EngineRequest request(std::string_view prompt, uint32_t max_tokens) {
    EngineRequest out;
    for (const char c : prompt) out.prompt.push_back(static_cast<TokenId>(c - 'a'));
    out.stop.max_tokens = max_tokens;
    return out;
  }

  SequenceId submit(EngineRequest asked, Heard& heard) {
    Result<SequenceId> id = engine->submit(std::move(asked), [&heard](const Progress& progress) {
      EXPECT_EQ(heard.finish, FinishReason::kNone) << "called after the end";
      ++heard.calls;
      heard.tokens.insert(heard.tokens.end(), progress.tokens.begin(), progress.tokens.end());
      heard.text += progress.text;
      heard.finish = progress.finish;
      heard.cached = progress.cached;
      heard.stop_token = progress.stop_token;
      if (progress.stop_string != nullptr) heard.stop_string = *progress.stop_string;
      EXPECT_EQ(progress.generated, heard.tokens.size());
    });
    EXPECT_TRUE(id.ok());
    return *id;
  }

  /// Runs what was posted; true if there was anything.
  bool turn() {
    std::deque<std::function<void()>> work;
    work.swap(posted);
    for (auto& item : work) item();
    return !work.empty();
  }

  bool step() {
    const bool turned = turn();
    if (!executor_->busy()) return turned;
    executor_->run_one();
    return true;
  }

  void run() {
    while (step()) {
    }
  }

  double metric(const std::string& name) const {
    return registry->counter(name, "", {{"model_name", "m"}, {"engine", "0"}}).value();
  }

  Letters letters;
  ManualClock clock;
  std::deque<std::function<void()>> posted;
  std::unique_ptr<observe::Registry> registry;
  std::unique_ptr<Engine> engine;
  ScriptedExecutor* executor_ = nullptr;
};

TEST_F(EngineTest, GivesTokensAndTextOneByOne) {
  Heard heard;
  submit(request("abcde", 6), heard);
  EXPECT_EQ(heard.calls, 0);
  run();
  EXPECT_EQ(heard.calls, 6);
  EXPECT_EQ(heard.finish, FinishReason::kLength);
  EXPECT_EQ(letters.encode(heard.text, false), heard.tokens);
  EXPECT_EQ(engine->requests(), 0U);
  EXPECT_EQ(engine->pool().used_count(), 0U);
  EXPECT_EQ(metric("vllm:generation_tokens_total"), 6);
  EXPECT_EQ(metric("vllm:prompt_tokens_total"), 5);
}

TEST_F(EngineTest, RequestsOfOneTurnBeginTogether) {
  Heard heard[4];
  for (int i = 0; i < 4; ++i) submit(request(i % 2 == 0 ? "abc" : "xyz", 3), heard[i]);
  run();
  EXPECT_EQ(executor_->steps, 3U);
  EXPECT_EQ(executor_->largest_step, 4U);
  EXPECT_EQ(heard[0].text, heard[2].text);
}

TEST_F(EngineTest, AStopStringEndsItAndFreesItsBlocks) {
  Heard whole;
  submit(request("abcde", 20), whole);
  run();
  EngineRequest asked = request("abcde", 20);
  asked.text.stop_strings = {whole.text.substr(5, 2)};
  const size_t at = whole.text.find(asked.text.stop_strings[0]);
  Heard heard;
  submit(std::move(asked), heard);
  run();
  EXPECT_EQ(heard.text, whole.text.substr(0, at));
  EXPECT_EQ(heard.finish, FinishReason::kStop);
  EXPECT_EQ(heard.stop_string, whole.text.substr(5, 2));
  EXPECT_EQ(heard.tokens.size(), at + 2);
  EXPECT_EQ(engine->requests(), 0U);
  EXPECT_EQ(engine->pool().used_count(), 0U);
  EXPECT_THAT(registry->exposition(), HasSubstr("finished_reason=\"stop\",model_name=\"m\"} 1"));
  EXPECT_THAT(registry->exposition(), HasSubstr("finished_reason=\"abort\",model_name=\"m\"} 0"));
}

TEST_F(EngineTest, AStopTokenIsNamedAndNotShown) {
  Heard whole;
  submit(request("abcde", 20), whole);
  run();
  EngineRequest asked = request("abcde", 20);
  asked.stop.token_ids = {whole.tokens[4]};
  const size_t at = whole.text.find(whole.text[4]);
  Heard heard;
  submit(asked, heard);
  run();
  EXPECT_EQ(heard.text, whole.text.substr(0, at));
  EXPECT_EQ(heard.tokens.size(), at + 1);
  EXPECT_EQ(heard.stop_token, whole.tokens[4]);
  asked.text.include_stop_string = true;
  Heard shown;
  submit(asked, shown);
  run();
  EXPECT_EQ(shown.text, whole.text.substr(0, at + 1));
}

TEST_F(EngineTest, EosIsNotNamed) {
  Heard whole;
  submit(request("abcde", 20), whole);
  run();
  make_engine({whole.tokens[3]});
  Heard heard;
  submit(request("abcde", 20), heard);
  run();
  EXPECT_EQ(heard.finish, FinishReason::kStop);
  EXPECT_FALSE(heard.stop_token.has_value());
}

TEST_F(EngineTest, AbortedRequestsAreSilentAndFreed) {
  Heard gone;
  Heard stays;
  const SequenceId id = submit(request("abcdefgh", 30), gone);
  submit(request("xyz", 5), stays);
  while (gone.calls < 3) step();
  engine->abort(id);  // a step with it is under way
  const int calls = gone.calls;
  run();
  EXPECT_EQ(gone.calls, calls);
  EXPECT_EQ(stays.finish, FinishReason::kLength);
  engine->abort(id);  // once more does nothing
  EXPECT_EQ(engine->requests(), 0U);
  EXPECT_EQ(engine->pool().used_count(), 0U);
}

TEST_F(EngineTest, AbortFromItsOwnCallback) {
  SequenceId id = 0;
  int calls = 0;
  id = *engine->submit(request("abc", 30), [&](const Progress&) {
    if (++calls == 2) engine->abort(id);
  });
  run();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(engine->pool().used_count(), 0U);
}

TEST_F(EngineTest, RefusesWhatCannotBeDone) {
  const auto ignore = [](const Progress&) {};
  EXPECT_EQ(engine->submit(request("", 1), ignore).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(engine->submit(request(std::string(64, 'a'), 1), ignore).error().code,
            Errc::kInvalidArgument);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(engine->submit(request("ab", 1), ignore).ok());
  EXPECT_EQ(engine->submit(request("ab", 1), ignore).error().code, Errc::kResourceExhausted);
  EXPECT_EQ(metric("llmd:requests_refused_queue_full_total"), 1);
}

TEST_F(EngineTest, CachedTokensAreReported) {
  Heard first;
  Heard second;
  submit(request("abcdefghij", 2), first);
  run();
  submit(request("abcdefghij", 2), second);
  run();
  EXPECT_EQ(first.cached, 0U);
  EXPECT_EQ(second.cached, 8U);
  EXPECT_EQ(first.tokens, second.tokens);
  EXPECT_EQ(metric("vllm:prefix_cache_hits_total"), 8);
}

TEST_F(EngineTest, DestructionUnderWayLeavesNothingToRun) {
  Heard heard;
  submit(request("abc", 9), heard);
  turn();
  engine.reset();
  turn();
  EXPECT_EQ(heard.calls, 0);
}

}  // namespace
}  // namespace llmd::engine
