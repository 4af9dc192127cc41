// SPDX-License-Identifier: Apache-2.0
#include "openai/reply_format.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace llmd::openai {
namespace {

using Json = nlohmann::json;

constexpr uint32_t kIds[] = {5, 6};
constexpr uint32_t kPrompt[] = {1, 2, 3};

ChoicePart ended_part() {
  ChoicePart part;
  part.index = 1;
  part.text = "a\"b";
  part.finish_reason = "stop";
  part.stop_reason = uint32_t{9};
  part.with_token_ids = true;
  part.token_ids = kIds;
  part.prompt_token_ids = kPrompt;
  return part;
}

Json event(const std::string& text) {
  EXPECT_EQ(text.substr(0, 6), "data: ");
  EXPECT_EQ(text.substr(text.size() - 2), "\n\n");
  return Json::parse(text.substr(6));
}

TEST(ReplyFormat, Completion) {
  const auto format = make_completion_format("cmpl-1", "m", 7);
  const ChoicePart part = ended_part();
  std::string out;
  format->append_response(out, std::span(&part, 1), {3, 2, 1});
  EXPECT_EQ(Json::parse(out), Json::parse(R"({"id":"cmpl-1","object":"text_completion","created":7,
      "model":"m","choices":[{"index":1,"text":"a\"b","logprobs":null,"finish_reason":"stop",
      "stop_reason":9,"prompt_token_ids":[1,2,3],"token_ids":[5,6]}],"usage":{"prompt_tokens":3,
      "total_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}})"));
}

TEST(ReplyFormat, CompletionChunks) {
  const auto format = make_completion_format("cmpl-1", "m", 7);
  ChoicePart part;
  part.text = "x";
  std::string out;
  format->append_opening(out, part);
  EXPECT_EQ(out, "");
  format->append_chunk(out, part, nullptr);
  EXPECT_EQ(event(out)["choices"], Json::parse(R"([{"index":0,"text":"x","logprobs":null,
      "finish_reason":null,"stop_reason":null}])"));
  EXPECT_FALSE(event(out).contains("usage"));
  out.clear();
  format->append_usage_chunk(out, {3, 2, 0});
  EXPECT_EQ(event(out)["choices"], Json::array());
  EXPECT_EQ(event(out)["usage"]["total_tokens"], 5);
}

TEST(ReplyFormat, Chat) {
  const auto format = make_chat_format("chatcmpl-1", "m", 7);
  ChoicePart part = ended_part();
  part.stop_reason = std::string_view("END");
  std::string out;
  format->append_response(out, std::span(&part, 1), {});
  const Json whole = Json::parse(out);
  EXPECT_EQ(whole["object"], "chat.completion");
  EXPECT_EQ(whole["choices"], Json::parse(R"([{"index":1,"message":{"role":"assistant",
      "content":"a\"b","refusal":null},"logprobs":null,"finish_reason":"stop","stop_reason":"END",
      "token_ids":[5,6]}])"));
  EXPECT_EQ(whole["prompt_token_ids"], Json::parse("[1,2,3]"));

  out.clear();
  format->append_opening(out, part);
  EXPECT_EQ(event(out)["object"], "chat.completion.chunk");
  EXPECT_EQ(event(out)["choices"][0]["delta"], Json::parse(R"({"role":"assistant","content":""})"));
  EXPECT_EQ(event(out)["prompt_token_ids"], Json::parse("[1,2,3]"));
  out.clear();
  const Usage usage{3, 1, 0};
  format->append_chunk(out, part, &usage);
  EXPECT_EQ(event(out)["choices"][0]["delta"], Json::parse(R"({"content":"a\"b"})"));
  EXPECT_EQ(event(out)["usage"]["prompt_tokens"], 3);
}

TEST(ReplyFormat, Generate) {
  const auto format = make_generate_format("r-1");
  const ChoicePart part = ended_part();
  std::string out;
  format->append_response(out, std::span(&part, 1), {});
  const Json whole = Json::parse(out);
  EXPECT_EQ(whole["request_id"], "r-1");
  EXPECT_EQ(whole["choices"], Json::parse(R"([{"index":1,"logprobs":null,"finish_reason":"stop",
      "token_ids":[5,6]}])"));
  EXPECT_TRUE(whole.contains("prompt_logprobs") && whole.contains("kv_transfer_params"));
  out.clear();
  format->append_chunk(out, part, nullptr);
  EXPECT_EQ(event(out)["choices"][0]["token_ids"], Json::parse("[5,6]"));
}

TEST(ReplyFormat, ChunksAllocateNothingOnceTheBufferIsLargeEnough) {
  const auto format = make_chat_format("chatcmpl-1", "m", 7);
  const ChoicePart part = ended_part();
  std::string out;
  format->append_chunk(out, part, nullptr);
  const char* memory = out.data();
  for (int i = 0; i < 100; ++i) {
    out.clear();
    format->append_chunk(out, part, nullptr);
  }
  EXPECT_EQ(out.data(), memory);
}

TEST(ReplyFormat, ToolCalls) {
  const auto format = make_tool_call_format("chatcmpl-1", "m", 7, "f");
  ChoicePart part;
  part.text = R"({"a":1})";
  part.finish_reason = "stop";
  std::string out;
  format->append_response(out, std::span(&part, 1), {3, 2, 0});
  EXPECT_EQ(Json::parse(out)["choices"], Json::parse(R"([{"index":0,"message":{"role":"assistant",
      "content":null,"tool_calls":[{"id":"call-chatcmpl-1-0","type":"function","function":
      {"name":"f","arguments":"{\"a\":1}"}}],"refusal":null},"logprobs":null,
      "finish_reason":"tool_calls","stop_reason":null}])"));
  out.clear();
  format->append_opening(out, part);
  EXPECT_EQ(event(out)["choices"][0]["delta"], Json::parse(R"({"role":"assistant","content":null,
      "tool_calls":[{"index":0,"id":"call-chatcmpl-1-0","type":"function","function":
      {"name":"f","arguments":""}}]})"));
  out.clear();
  format->append_chunk(out, part, nullptr);
  EXPECT_EQ(event(out)["choices"][0]["delta"], Json::parse(R"({"tool_calls":[{"index":0,
      "function":{"arguments":"{\"a\":1}"}}]})"));
  EXPECT_EQ(event(out)["choices"][0]["finish_reason"], "tool_calls");
}

}  // namespace
}  // namespace llmd::openai
