// SPDX-License-Identifier: Apache-2.0
#include "bench/workload/workload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

#include "bench/workload/body_writer.h"
#include "bench/workload/token_text.h"
#include "tokenize/tokenizer.h"

namespace llmd::bench {
namespace {

std::string text_of(const Request& request) {
  const auto text = make_words4_text();
  std::string out;
  for (const Message& message : request.messages) {
    for (const Piece& piece : message.pieces) text->append(out, piece);
    out += message.text;
  }
  return out;
}

size_t tokens_of(const Request& request) {
  return tokenize::make_words4()->encode(text_of(request), false).size();
}

struct Moments {
  double mean = 0;
  double std_dev = 0;
};

Moments moments_of(const Distribution& distribution) {
  constexpr int kSamples = 200'000;
  Random random(7);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kSamples; ++i) {
    const double value = sample(distribution, random);
    sum += value;
    squares += value * value;
  }
  const double mean = sum / kSamples;
  return {mean, std::sqrt(squares / kSamples - mean * mean)};
}

TEST(Distribution, HasTheMomentsItNames) {
  using Type = Distribution::Type;
  for (const Type type : {Type::kNormal, Type::kLognormal}) {
    const Moments seen =
        moments_of({.type = type, .min = 0, .max = 1e9, .mean = 1000, .std_dev = 200});
    EXPECT_NEAR(seen.mean, 1000, 3);
    EXPECT_NEAR(seen.std_dev, 200, 3);
  }
  const Moments poisson = moments_of({.type = Type::kPoisson, .min = 0, .max = 1e9, .mean = 30});
  EXPECT_NEAR(poisson.mean, 30, 0.1);
  EXPECT_NEAR(poisson.std_dev, std::sqrt(30.0), 0.1);
  const Moments uniform = moments_of({.type = Type::kUniform, .min = 10, .max = 22});
  EXPECT_NEAR(uniform.mean, 16, 0.05);
  EXPECT_NEAR(uniform.std_dev, 12 / std::sqrt(12.0), 0.05);
}

TEST(Distribution, KeepsItsBounds) {
  Random random(1);
  const Distribution wild{.min = 5, .max = 9, .mean = 7, .std_dev = 100};
  for (int i = 0; i < 1000; ++i) {
    const uint32_t value = sample_count(wild, random);
    EXPECT_GE(value, 5U);
    EXPECT_LE(value, 9U);
  }
}

TEST(RandomWorkload, IsAsLongAsWantedWithTheTargetsOwnTokens) {
  const RandomOptions options{Distribution::fixed(40), Distribution::fixed(3)};
  const auto workload = *make_workload(options, 1, {.user_only = 9});
  const Request request = workload->request(0);
  EXPECT_EQ(tokens_of(request), 31U);
  EXPECT_EQ(request.output_tokens, 3U);
  EXPECT_FALSE(make_workload(options, 1, {.user_only = 40}));
}

TEST(RandomWorkload, IsAFunctionOfSeedAndNumber) {
  const auto a = *make_workload(RandomOptions{}, 1, {});
  const auto b = *make_workload(RandomOptions{}, 1, {});
  const auto other = *make_workload(RandomOptions{}, 2, {});
  a->request(0);
  EXPECT_EQ(text_of(a->request(5)), text_of(b->request(5)));
  EXPECT_NE(text_of(a->request(5)), text_of(a->request(6)));
  EXPECT_NE(text_of(a->request(5)), text_of(other->request(5)));
}

TEST(SharedPrefix, GroupsBeginAlikeAndAllPromptsDiffer) {
  SharedPrefixOptions options{.groups = 3, .prompts_per_group = 4};
  const auto workload = *make_workload(options, 1, {});
  std::vector<std::string> begins;
  std::vector<std::string> whole;
  for (uint64_t n = 0; n < 12; ++n) {
    const std::string text = text_of(workload->request(n));
    EXPECT_EQ(text.size(), 150U * 4);
    begins.push_back(text.substr(0, 400));
    whole.push_back(text);
  }
  EXPECT_EQ(text_of(workload->request(12)), whole.front());
  std::sort(begins.begin(), begins.end());
  std::sort(whole.begin(), whole.end());
  EXPECT_EQ(std::unique(begins.begin(), begins.end()) - begins.begin(), 3);
  EXPECT_EQ(std::unique(whole.begin(), whole.end()) - whole.begin(), 12);
}

TEST(SharedPrefix, ATurnCarriesEarlierTurnsAndAnswers) {
  const SharedPrefixOptions options{.groups = 1, .prompts_per_group = 1, .multi_turn = true};
  const auto workload = *make_workload(options, 1, {});
  const Request first = workload->request(0);
  workload->answered(first, "the answer");
  const Request second = workload->request(1);
  ASSERT_EQ(second.messages.size(), 4U);
  EXPECT_EQ(second.turn, 1U);
  EXPECT_EQ(second.messages[2].role, Role::kAssistant);
  EXPECT_EQ(second.messages[2].text, "the answer");
  EXPECT_TRUE(text_of(second).starts_with(text_of(first) + "the answer"));
  workload->begin_stage();
  EXPECT_EQ(workload->request(2).messages.size(), 2U);
}

TEST(Conversations, BeginAnewAfterTheirTurnsAndBeforeTheLimit) {
  ConversationOptions options{.conversations = 1,
                              .shared_system_prompt = 100,
                              .turns = Distribution::fixed(2),
                              .input_per_turn = Distribution::fixed(10),
                              .output_per_turn = Distribution::fixed(10)};
  const auto workload = *make_workload(options, 1, {});
  EXPECT_EQ(workload->request(0).turn, 0U);
  EXPECT_EQ(workload->request(1).turn, 1U);
  EXPECT_EQ(workload->request(2).turn, 0U);
  options.max_model_len = 130;  // room for one turn
  const auto cut = *make_workload(options, 1, {});
  EXPECT_EQ(cut->request(0).turn, 0U);
  EXPECT_EQ(cut->request(1).turn, 0U);
}

constexpr std::string_view kMooncake =
    R"({"timestamp": 1000, "input_length": 1024, "output_length": 5, "hash_ids": [7, 8]}
{"timestamp": 3500, "input_length": 700, "output_length": 6, "hash_ids": [7, 9]}
)";

TEST(Trace, EqualHashIdsAreEqualBlocks) {
  const std::string path = testing::TempDir() + "trace.jsonl";
  ASSERT_TRUE(write_file_atomically(path, kMooncake));
  const auto workload =
      *make_workload(TraceOptions{.path = path, .format = TraceFormat::kMooncake}, 1, {});
  const std::string a = text_of(workload->request(0));
  const std::string b = text_of(workload->request(1));
  EXPECT_EQ(a.size(), 1024U * 4);
  EXPECT_EQ(b.size(), 700U * 4);
  EXPECT_EQ(a.substr(0, 512 * 4), b.substr(0, 512 * 4));
  EXPECT_NE(a.substr(512 * 4, 188 * 4), b.substr(512 * 4));
  EXPECT_EQ(workload->trace()->requests[1].due, std::chrono::milliseconds(2500));
}

TEST(Trace, AzureTimesAndLengths) {
  const auto trace = *parse_trace(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 23:59:59.9799600,4808,10\r\n"
      "2023-11-17 00:00:00.0319600,3180,8\r\n",
      TraceFormat::kAzure, "a.csv", false);
  ASSERT_EQ(trace.requests.size(), 2U);
  EXPECT_EQ(trace.requests[1].due, std::chrono::milliseconds(52));
  EXPECT_EQ(trace.requests[1].input_tokens, 3180U);
}

TEST(Trace, BrokenLinesAreNamedOrCounted) {
  const std::string text = std::string(kMooncake) + "{\"timestamp\": 1}\n";
  const auto refused = parse_trace(text, TraceFormat::kMooncake, "m.jsonl", false);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.starts_with("m.jsonl:3: ")) << refused.error().message;
  EXPECT_EQ(parse_trace(text, TraceFormat::kMooncake, "m.jsonl", true)->skipped_lines, 1U);
}

TEST(BodyWriter, WritesBothApis) {
  Request request;
  request.output_tokens = 2;
  request.messages = {{.role = Role::kUser, .pieces = {}, .text = "say \"hi\"\n"}};
  BodyOptions options{.api = Api::kChat, .model = "m"};
  std::string body;
  write_body(options, *make_words4_text(), request, body);
  EXPECT_EQ(
      body,
      R"({"model":"m","messages":[{"role":"user","content":"say \"hi\"\n"}],"max_tokens":2,)"
      R"("ignore_eos":true,"min_tokens":2,"stream":true,"stream_options":{"include_usage":true}})");
  options = {.api = Api::kCompletion, .model = "m", .streaming = false, .ignore_eos = false};
  body.clear();
  write_body(options, *make_words4_text(), request, body);
  EXPECT_EQ(body, R"({"model":"m","prompt":"say \"hi\"\n","max_tokens":2})");
}

}  // namespace
}  // namespace llmd::bench
