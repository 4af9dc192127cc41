// SPDX-License-Identifier: Apache-2.0
// What a simulated engine answers and pretends: lengths, values for schemas, fake metrics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/api/answer_maker.h"
#include "engine/api/fake_metrics.h"
#include "engine/api/tool_calls.h"
#include "openai/chat_types.h"

namespace llmd::engine {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

struct Moments {
  double mean = 0;
  double deviation = 0;
  uint32_t least = UINT32_MAX;
  uint32_t most = 0;
};

Moments moments_of(const std::string& text) {
  constexpr int kDraws = 20'000;
  const auto length = parse_output_length(text);
  EXPECT_TRUE(length) << text;
  Moments out;
  double squares = 0;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const uint32_t drawn = length->draw(seed);
    out.mean += drawn / double{kDraws};
    squares += double{1} * drawn * drawn / kDraws;
    out.least = std::min(out.least, drawn);
    out.most = std::max(out.most, drawn);
  }
  out.deviation = std::sqrt(squares - out.mean * out.mean);
  return out;
}

TEST(OutputLength, FollowsItsDistribution) {
  const Moments uniform = moments_of("uniform:10:30");
  EXPECT_NEAR(uniform.mean, 20, 0.3);
  EXPECT_EQ(uniform.least, 10);
  EXPECT_EQ(uniform.most, 30);
  const Moments normal = moments_of("normal:200:20");
  EXPECT_NEAR(normal.mean, 200, 1);
  EXPECT_NEAR(normal.deviation, 20, 1);
  const Moments log_normal = moments_of("lognormal:200:100");
  EXPECT_NEAR(log_normal.mean, 200, 4);
  EXPECT_NEAR(log_normal.deviation, 100, 8);
  EXPECT_EQ(moments_of("7").most, 7);
  EXPECT_EQ(parse_output_length("normal:200:20")->draw(5),
            parse_output_length("normal:200:20")->draw(5));
}

TEST(OutputLength, RefusesWhatItCannotBe) {
  for (const char* bad : {"", "0", "-3", "uniform", "uniform:1", "uniform:9:5", "uniform:0:5",
                          "normal:10:-1", "lognormal:1e9:1", "zipf:1:2", "uniform:1:2:3"}) {
    EXPECT_FALSE(parse_output_length(bad)) << bad;
  }
}

TEST(FakeMetrics, FunctionsOfTime) {
  const FakeValue square{FakeValue::Kind::kSquareWave, 1, 5, 10};
  EXPECT_EQ(square.at(4), 1);
  EXPECT_EQ(square.at(6), 5);
  EXPECT_EQ(square.at(14), 1);
  const FakeValue ramp{FakeValue::Kind::kRamp, 0, 10, 10};
  EXPECT_EQ(ramp.at(5), 5);
  EXPECT_EQ(ramp.at(25), 10);
  const FakeValue again{FakeValue::Kind::kRampReset, 0, 10, 10};
  EXPECT_EQ(again.at(25), 5);
  const FakeValue wave{FakeValue::Kind::kOscillate, 2, 4, 10};
  EXPECT_NEAR(wave.at(0), 2, 1e-9);
  EXPECT_NEAR(wave.at(5), 4, 1e-9);
  EXPECT_NEAR(wave.at(12.5), 3, 1e-9);
}

TEST(FakeMetrics, RefusesWhatItDoesNotKnow) {
  EXPECT_TRUE(parse_fake_metrics(R"({"waiting-requests":"ramp:0:5:10","kv-cache-usage":0.5})"));
  for (const char* bad :
       {"", "[]", R"({"waiting":1})", R"({"kv-cache-usage":1.5})", R"({"running-requests":-1})",
        R"({"running-requests":"ramp:0:5"})", R"({"running-requests":"ramp:0:5:0"})",
        R"({"running-requests":"fixed:0:5:1"})", R"({"running-requests":null})"}) {
    EXPECT_FALSE(parse_fake_metrics(bad)) << bad;
  }
}

TEST(SchemaValues, SatisfyTheirSchema) {
  const Json schema = Json::parse(R"({"type":"object","required":["n","s","l","e","c","o"],
      "properties":{"n":{"type":"integer","minimum":3,"maximum":5},
                    "s":{"type":["null","string"],"minLength":9,"maxLength":12},
                    "l":{"type":"array","items":{"type":"number"},"minItems":2,"maxItems":3},
                    "e":{"enum":["x","y"]},"c":{"const":7},
                    "o":{"anyOf":[{"properties":{"b":{"type":"boolean"}},"required":["b"]}]},
                    "maybe":{"type":"string"}}})");
  int with_optional = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    const auto made = make_value(schema, random);
    ASSERT_TRUE(made) << made.error().message;
    const Json& value = *made;
    const int n = value["n"];
    EXPECT_TRUE(n >= 3 && n <= 5) << n;
    const size_t letters = value["s"].get<std::string>().size();
    EXPECT_TRUE(letters >= 9 && letters <= 12) << letters;
    EXPECT_TRUE(value["l"].size() == 2 || value["l"].size() == 3);
    EXPECT_TRUE(value["l"][0].is_number());
    EXPECT_TRUE(value["e"] == "x" || value["e"] == "y");
    EXPECT_EQ(value["c"], 7);
    EXPECT_TRUE(value["o"]["b"].is_boolean());
    with_optional += value.contains("maybe") ? 1 : 0;
  }
  EXPECT_GT(with_optional, 60);
  EXPECT_LT(with_optional, 140);
}

TEST(SchemaValues, AreBoundedAndRefuseWhatTheyDoNotKnow) {
  const auto error_of = [](const Json& schema) {
    Random random(1);
    const auto value = make_value(schema, random);
    return value ? std::string() : value.error().message;
  };
  EXPECT_EQ(error_of(Json::parse(R"({"type":"integer","minimum":0.2,"maximum":0.1})")), "");
  EXPECT_THAT(error_of(Json::parse(R"({"$ref":"#/x"})")), HasSubstr("$ref"));
  EXPECT_THAT(error_of(Json::parse(R"({"type":"date"})")), HasSubstr("date"));
  EXPECT_THAT(error_of(Json::parse(R"({"enum":[]})")), HasSubstr("enum"));
  EXPECT_THAT(error_of(Json::parse(R"([1])")), HasSubstr("object"));
  Json wide = Json::parse(R"({"type":"integer"})");
  for (int i = 0; i < 5; ++i) {
    Json around = Json::parse(R"({"type":"array","minItems":1e18,"maxItems":1e18})");
    around["items"] = wide;
    wide = around;
  }
  EXPECT_THAT(error_of(wide), HasSubstr("values"));
  Json deep = Json::object();
  for (int i = 0; i < 20; ++i) {
    Json around = Json::object();
    around["anyOf"] = Json::array({deep});
    deep = around;
  }
  EXPECT_THAT(error_of(deep), HasSubstr("nests"));
}

openai::ChatFields chat_with(const std::string& last_role, openai::ToolChoice choice) {
  openai::ChatFields chat;
  chat.messages = Json::parse(R"([{"role":")" + last_role + R"(","content":"x"}])");
  chat.tools = Json::parse(R"([{"type":"function","function":{"name":"f"}}])");
  chat.tool_choice = choice;
  return chat;
}

TEST(ToolCalls, AutoCallsForHalfOfTheSeedsAndNeverAfterAResult) {
  Capabilities can;
  can.answers.emplace(AnswerMaker::Mode::kRandom, OutputLength{});
  int calls = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::optional<ToolCall> call;
    ASSERT_FALSE(plan_tool_call(can, chat_with("user", openai::ToolChoice::kAuto), seed, call));
    calls += call && call->arguments == "{}" ? 1 : 0;
    std::optional<ToolCall> after;
    ASSERT_FALSE(plan_tool_call(can, chat_with("tool", openai::ToolChoice::kAuto), seed, after));
    EXPECT_FALSE(after);
  }
  EXPECT_GT(calls, 70);
  EXPECT_LT(calls, 130);
}

TEST(ToolCalls, AModelCannotBeForced) {
  std::optional<ToolCall> call;
  EXPECT_FALSE(plan_tool_call({}, chat_with("user", openai::ToolChoice::kAuto), 1, call));
  const auto error = plan_tool_call({}, chat_with("user", openai::ToolChoice::kRequired), 1, call);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->status, 501);
}

}  // namespace
}  // namespace llmd::engine
