// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/prepare.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <simdjson.h>

#include "base/text.h"
#include "http/server.h"
#include "http/test_peer.h"

namespace llmd::bench {
namespace {

using ::testing::HasSubstr;
using Tokens = std::vector<uint64_t>;
/// Tokens of a text, as a target counts them.
using Tokenizer = std::function<Tokens(std::string_view)>;

Tokens words4(std::string_view text) {
  Tokens out;
  for (const auto id : tokenize::make_words4()->encode(text, false)) out.push_back(id);
  return out;
}
/// One for each word, but two for a word of more than six letters; and one before them all.
Tokens words(std::string_view text) {
  Tokens out{1};
  for (const std::string_view word : split(text, ' ')) {
    if (!word.empty()) out.resize(out.size() + (word.size() > 6 ? 2 : 1), 7);
  }
  return out;
}
Tokens letters(std::string_view text) { return Tokens(text.size(), 7); }

/// A server of which each test says what it can.
class PrepareTest : public ::testing::Test {
 protected:
  PrepareTest() {
    thread_.run([this] {
      server_ = std::make_unique<http::Server>(
          thread_.loop, http::ServerOptions{},
          [this](const std::shared_ptr<http::Exchange>& exchange) { answer(*exchange); });
      const uint16_t port = server_->listen("127.0.0.1", 0).value();
      config_.server.base_url = fmt::format("http://127.0.0.1:{}", port);
    });
  }
  ~PrepareTest() override {
    thread_.run([this] { server_.reset(); });
  }

  void answer(http::Exchange& exchange) const {
    constexpr std::string_view kJson = "application/json";
    const std::string_view path = exchange.head().path();
    if (path == "/v1/models" && !models_.empty()) return exchange.respond(200, kJson, models_);
    if (path == "/version") return exchange.respond(200, kJson, version_);
    if (path != "/tokenize" || !tokenizer_) return exchange.respond(404, kJson, "{}");
    exchange.respond(
        200, kJson, fmt::format("{{\"tokens\":[{}]}}", fmt::join(tokens_of(exchange.body()), ",")));
  }

  /// Two tokens more for each message, as a chat template may add.
  Tokens tokens_of(std::string_view body) const {
    simdjson::dom::parser parser;
    const simdjson::dom::element root = parser.parse(body.data(), body.size());
    std::string_view prompt;
    if (root["prompt"].get_string().get(prompt) == simdjson::SUCCESS) return tokenizer_(prompt);
    Tokens all;
    for (const simdjson::dom::element message : root["messages"].get_array()) {
      const Tokens content = tokenizer_(message["content"].get_string());
      all.insert(all.end(), content.begin(), content.end());
      all.resize(all.size() + 2);
    }
    return all;
  }

  Result<Prepared> run() { return prepare(config_, parse_target(config_.server.base_url).value()); }
  std::string error() {
    const auto prepared = run();
    return prepared ? "no error" : prepared.error().message;
  }

  BenchConfig config_;
  std::string models_ = R"({"data":[{"id":"first"},{"id":"second"}]})";
  std::string version_ = R"({"version":"0.1"})";
  Tokenizer tokenizer_ = words4;

 private:
  http::testing::LoopThread thread_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(PrepareTest, AsksForTheModelAndHowItsTokenizerCounts) {
  const auto prepared = run();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->model, "first");
  EXPECT_FALSE(prepared->simulated);
  EXPECT_TRUE(prepared->counts_are_exact);
  EXPECT_EQ(prepared->overhead.user_only, 0);
  std::string text;
  prepared->text->append(text, {1, 50});
  EXPECT_EQ(words4(text).size(), 50U);
}

TEST_F(PrepareTest, FindsWhatAChatTemplateAdds) {
  config_.api.type = Api::kChat;
  const auto prepared = run();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->overhead.user_only, 2);
  EXPECT_EQ(prepared->overhead.system_and_user, 4);
}

TEST_F(PrepareTest, FindsWordsOfOneToken) {
  tokenizer_ = words;
  const auto prepared = run();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->overhead.user_only, 1);
  std::string text;
  prepared->text->append(text, {1, 500});
  EXPECT_EQ(words(text).size(), 501U);
}

TEST_F(PrepareTest, NoticesASimulatedEngine) {
  version_ = R"({"version":"0.1 simulated"})";
  const auto prepared = run();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_TRUE(prepared->simulated);
}

TEST_F(PrepareTest, ANameThatIsGivenNeedsNoList) {
  models_.clear();
  EXPECT_THAT(error(), HasSubstr("--model"));
  config_.server.model_name = "mine";
  const auto prepared = run();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->model, "mine");
}

TEST_F(PrepareTest, WithoutTokenizeATokenizerMustBeNamed) {
  tokenizer_ = nullptr;
  EXPECT_THAT(error(), HasSubstr("--tokenizer"));
  config_.tokenizer = "words4";
  const auto prepared = run();
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_FALSE(prepared->counts_are_exact);
}

TEST_F(PrepareTest, ATargetThatCountsOtherwiseThanToldIsRefused) {
  config_.tokenizer = "words4";
  tokenizer_ = letters;
  EXPECT_THAT(error(), HasSubstr("counts generated text differently"));
}

TEST_F(PrepareTest, ATokenizerWithoutWordsIsRefused) {
  tokenizer_ = letters;
  EXPECT_THAT(error(), HasSubstr("common words"));
}

TEST_F(PrepareTest, ATargetThatIsDownIsNamed) {
  config_.server.base_url = "http://127.0.0.1:1";
  EXPECT_THAT(error(), HasSubstr("http://127.0.0.1:1"));
}

}  // namespace
}  // namespace llmd::bench
