// SPDX-License-Identifier: Apache-2.0
#include "openai/request_parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "openai/chat_types.h"

namespace llmd::openai {
namespace {

using ::testing::HasSubstr;

template <typename Request>
Request parsed(std::string_view body) {
  Request request;
  const auto error = parse_request(body, request);
  EXPECT_FALSE(error.has_value()) << error->message;
  return request;
}

template <typename Request>
ApiError refused(std::string_view body) {
  Request request;
  const auto error = parse_request(body, request);
  EXPECT_TRUE(error.has_value()) << body;
  return error.value_or(ApiError{});
}

/// A completion body with one more field.
std::string with(std::string_view field) { return R"({"prompt":"a",)" + std::string(field) + "}"; }

TEST(RequestParse, PromptsComeInFourForms) {
  using Ids = std::vector<uint32_t>;
  EXPECT_EQ(parsed<CompletionRequest>(R"({"prompt":"a"})").prompts, std::vector<Prompt>{"a"});
  EXPECT_EQ(parsed<CompletionRequest>(R"({"prompt":["a","b"]})").prompts,
            (std::vector<Prompt>{"a", "b"}));
  EXPECT_EQ(parsed<CompletionRequest>(R"({"prompt":[1,2]})").prompts,
            (std::vector<Prompt>{Ids{1, 2}}));
  EXPECT_EQ(parsed<CompletionRequest>(R"({"prompt":[[1],[2,3]]})").prompts,
            (std::vector<Prompt>{Ids{1}, Ids{2, 3}}));
  for (const char* bad :
       {R"({"prompt":5})", R"({"prompt":[-1]})", R"({"prompt":[1,"a"]})",
        R"({"prompt":[4294967296]})", R"({"prompt":[1.5]})", R"({"prompt":{}})"}) {
    EXPECT_EQ(refused<CompletionRequest>(bad).param, "prompt") << bad;
  }
  EXPECT_EQ(refused<CompletionRequest>("{}").code, "missing_required_parameter");
  EXPECT_EQ(refused<CompletionRequest>(R"({"prompt":null})").param, "prompt");
}

TEST(RequestParse, ReadsEveryGenerationField) {
  const auto request = parsed<CompletionRequest>(
      R"({"model":"m","prompt":"a","temperature":0.5,"top_p":1,"top_k":-1,"seed":-3,
          "max_tokens":5.0,"min_tokens":2,"ignore_eos":true,"stop":["x","y"],
          "stop_token_ids":[7],"include_stop_str_in_output":true,"skip_special_tokens":false,
          "n":3,"cache_salt":"s","stream":true,"return_token_ids":true,
          "stream_options":{"include_usage":true,"continuous_usage_stats":true}})");
  const GenerationFields& fields = request.generation;
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(fields.temperature, 0.5);
  EXPECT_EQ(fields.top_p, 1.0);
  EXPECT_EQ(fields.top_k, -1);
  EXPECT_EQ(fields.seed, static_cast<uint64_t>(-3));
  EXPECT_EQ(fields.max_tokens, 5U);
  EXPECT_EQ(fields.min_tokens, 2U);
  EXPECT_TRUE(fields.ignore_eos && fields.include_stop_str_in_output);
  EXPECT_FALSE(fields.skip_special_tokens);
  EXPECT_EQ(fields.stop, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(fields.stop_token_ids, std::vector<uint32_t>{7});
  EXPECT_EQ(fields.n, 3U);
  EXPECT_EQ(fields.cache_salt, "s");
  const StreamFields& streaming = request.streaming;
  EXPECT_TRUE(streaming.stream && streaming.include_usage && streaming.continuous_usage &&
              streaming.return_token_ids);
}

TEST(RequestParse, MaxCompletionTokensWinsInAnyOrder) {
  for (const char* fields : {R"("max_tokens":5,"max_completion_tokens":6)",
                             R"("max_completion_tokens":6,"max_tokens":5)"}) {
    EXPECT_EQ(parsed<CompletionRequest>(with(fields)).generation.max_tokens, 6U);
  }
}

TEST(RequestParse, ErrorsNameTheField) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("temperature":-1)", "temperature"},
      {R"("temperature":"hot")", "temperature"},
      {R"("top_p":0)", "top_p"},
      {R"("top_p":1.1)", "top_p"},
      {R"("top_k":-2)", "top_k"},
      {R"("max_tokens":0)", "max_tokens"},
      {R"("max_tokens":1.5)", "max_tokens"},
      {R"("max_completion_tokens":1e99)", "max_completion_tokens"},
      {R"("n":0)", "n"},
      {R"("n":129)", "n"},
      {R"("stop":"")", "stop"},
      {R"("stop":[1])", "stop"},
      {R"("stream":1)", "stream"},
      {R"("stream_options":[])", "stream_options"},
      {R"("stream_options":{"include_usage":"yes"})", "include_usage"},
      {R"("seed":"1")", "seed"},
      {R"("model":5)", "model"},
      {R"("max_tokens":3,"min_tokens":4)", "min_tokens"},
  };
  for (const auto& [field, name] : cases) {
    const ApiError error = refused<CompletionRequest>(with(field));
    EXPECT_EQ(error.param, name) << field;
    EXPECT_EQ(error.status, 400) << field;
    EXPECT_THAT(error.message, HasSubstr(name));
  }
}

TEST(RequestParse, LimitsHold) {
  std::string stops = R"("stop":["a")";
  for (size_t i = 1; i < kStopStringsMax; ++i) stops += R"(,"a")";
  EXPECT_EQ(parsed<CompletionRequest>(with(stops + "]")).generation.stop.size(), kStopStringsMax);
  EXPECT_EQ(refused<CompletionRequest>(with(stops + R"(,"a"])")).param, "stop");
  const std::string longest(kStopStringBytesMax, 's');
  parsed<CompletionRequest>(with(R"("stop":")" + longest + "\""));
  EXPECT_EQ(refused<CompletionRequest>(with(R"("stop":"s)" + longest + "\"")).param, "stop");
  std::string prompts = R"({"prompt":["a")";
  for (size_t i = 1; i < kPromptsMax; ++i) prompts += R"(,"a")";
  parsed<CompletionRequest>(prompts + "]}");
  EXPECT_EQ(refused<CompletionRequest>(prompts + R"(,"a"]})").param, "prompt");
}

TEST(RequestParse, UnknownFieldsAreIgnoredAndNullIsNotGiven) {
  parsed<CompletionRequest>(with(R"("user":"u","metadata":{"a":[1]},"store":true)"));
  const auto request = parsed<CompletionRequest>(
      with(R"("max_tokens":null,"stop":null,"logprobs":null,"stream_options":null)"));
  EXPECT_FALSE(request.generation.max_tokens.has_value());
}

TEST(RequestParse, WhatWouldChangeTheAnswerIsRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("logprobs":0)", "logprobs"},
      {R"("logprobs":true)", "logprobs"},
      {R"("logit_bias":{"5":1})", "logit_bias"},
      {R"("presence_penalty":0.5)", "presence_penalty"},
      {R"("repetition_penalty":1.1)", "repetition_penalty"},
      {R"("best_of":2)", "best_of"},
      {R"("echo":true)", "echo"},
      {R"("suffix":"x")", "suffix"},
      {R"("min_p":0.1)", "min_p"},
      {R"("guided_json":{"a":1})", "guided_json"},
      {R"("response_format":{"type":"json_object"})", "response_format"},
      {R"("response_format":5)", "response_format"},
      {R"("kv_transfer_params":{"do_remote_prefill":true})", "kv_transfer_params"},
      {R"("modalities":["text","audio"])", "modalities"},
  };
  for (const auto& [field, name] : cases) {
    const ApiError error = refused<CompletionRequest>(with(field));
    EXPECT_EQ(error.status, 501) << field;
    EXPECT_EQ(error.param, name);
    EXPECT_THAT(error.message, HasSubstr(name));
  }
  parsed<CompletionRequest>(
      with(R"("logprobs":false,"logit_bias":{},"presence_penalty":0,"frequency_penalty":0.0,
              "repetition_penalty":1.0,"best_of":1,"echo":false,"suffix":"","min_p":0,
              "response_format":{"type":"text"},"modalities":["text"],"use_beam_search":false)"));
}

TEST(RequestParse, ChatMessagesAreKeptAndPartsJoined) {
  const auto request = parsed<ChatRequest>(
      R"({"messages":[{"role":"user","name":"x","content":[{"type":"text","text":"a"},
          {"type":"text","text":"b"}]},{"role":"assistant","content":null,"tool_calls":[
          {"type":"function","function":{"name":"f","arguments":"{\"z\":1,\"a\":2}"}}]}],
          "chat_template_kwargs":{"enable_thinking":false}})");
  EXPECT_EQ(request.chat.messages.dump(),
            R"([{"role":"user","name":"x","content":"a\nb"},{"role":"assistant","content":null,)"
            R"("tool_calls":[{"type":"function","function":{"name":"f",)"
            R"("arguments":{"z":1,"a":2}}}]}])");
  EXPECT_EQ(request.chat.template_kwargs.dump(), R"({"enable_thinking":false})");
  EXPECT_TRUE(request.chat.tools.is_null());
}

TEST(RequestParse, BadMessagesAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "messages"},
      {R"({"messages":[]})", "messages"},
      {R"({"messages":"hi"})", "messages"},
      {R"({"messages":[{"role":"user","content":"a"},5]})", "messages[1]"},
      {R"({"messages":[{"content":"a"}]})", "messages[0]"},
      {R"({"messages":[{"role":"user","content":5}]})", "messages[0]"},
      {R"({"messages":[{"role":"user","content":[{"text":"a"}]}]})", "messages[0]"},
      {R"({"messages":[{"role":"user","content":[{"type":"text"}]}]})", "messages[0]"},
  };
  for (const auto& [body, param] : cases) {
    const ApiError error = refused<ChatRequest>(body);
    EXPECT_EQ(error.param, param) << body;
    EXPECT_EQ(error.status, 400) << body;
  }
  EXPECT_EQ(
      refused<ChatRequest>(R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})")
          .status,
      501);
}

TEST(RequestParse, ToolsGoToTheTemplateUnlessUnwanted) {
  const std::string head = R"({"messages":[{"role":"user","content":"a"}],"tools":[{"type":"f"}])";
  EXPECT_EQ(parsed<ChatRequest>(head + "}").chat.tools.size(), 1U);
  EXPECT_EQ(parsed<ChatRequest>(head + R"(,"tool_choice":"auto"})").chat.tools.size(), 1U);
  EXPECT_TRUE(parsed<ChatRequest>(head + R"(,"tool_choice":"none"})").chat.tools.is_null());
  for (const char* forced : {R"(,"tool_choice":"required"})",
                             R"(,"tool_choice":{"type":"function","function":{"name":"f"}}})"}) {
    EXPECT_EQ(parsed<ChatRequest>(head + forced).chat.tools.size(), 1U);
  }
  const ChatRequest named =
      parsed<ChatRequest>(head + R"(,"tool_choice":{"type":"function","function":{"name":"f"}}})");
  EXPECT_EQ(named.chat.tool_choice, ToolChoice::kNamed);
  EXPECT_EQ(named.chat.tool_name, "f");
  for (const char* bad : {R"(,"tool_choice":"any"})", R"(,"tool_choice":{"function":{}}})",
                          R"(,"tool_choice":["required"]})"}) {
    EXPECT_EQ(refused<ChatRequest>(head + bad).status, 400) << bad;
  }
}

TEST(RequestParse, NestingAndKeysAreBounded) {
  const auto nested = [](int depth) {
    return R"({"messages":[{"role":"user","content":"a","x":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}]}";
  };
  parsed<ChatRequest>(nested(kChatDepthMax - 3));
  EXPECT_EQ(refused<ChatRequest>(nested(kChatDepthMax)).param, "messages");
  EXPECT_EQ(refused<ChatRequest>(nested(100000)).status, 400);
  std::string keys = R"({"messages":[{"role":"user","content":"a")";
  for (size_t i = 0; i < kJsonKeysMax; ++i) keys += ",\"k" + std::to_string(i) + "\":1";
  EXPECT_EQ(refused<ChatRequest>(keys + "}]}").param, "messages");
}

TEST(RequestParse, BrokenBodiesAreBadRequests) {
  for (const char* bad : {"", " ", "{", "[]", "5", "null", "{\"prompt\":\"a\"} x", "{'a':1}",
                          "{\"prompt\":\"\xff\"}", "{\"prompt\":\"a\",\"n\":1e999}"}) {
    const ApiError error = refused<CompletionRequest>(bad);
    EXPECT_EQ(error.status, 400) << bad;
    EXPECT_EQ(error.code, "invalid_json") << bad;
  }
}

TEST(RequestParse, GenerateHasItsParamsNested) {
  const auto request = parsed<GenerateRequest>(
      R"({"request_id":"r","token_ids":[1,2],"sampling_params":{"temperature":0,"max_tokens":3,
          "output_kind":0},"model":null,"stream":false})");
  EXPECT_EQ(request.request_id, "r");
  EXPECT_EQ(request.token_ids, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(request.generation.max_tokens, 3U);
  EXPECT_EQ(refused<GenerateRequest>(R"({"sampling_params":{}})").param, "token_ids");
  EXPECT_EQ(
      refused<GenerateRequest>(R"({"token_ids":[1],"sampling_params":{"logprobs":1}})").status,
      501);
}

TEST(RequestParse, APromptIsReadFromAnyGeneratingRequest) {
  EXPECT_THAT(
      parsed<PromptRequest>(R"({"prompt":"a","temperature":-7,"cache_salt":"s\u0041"})"),
      testing::AllOf(testing::Field(&PromptRequest::prompts, testing::ElementsAre(Prompt("a"))),
                     testing::Field(&PromptRequest::cache_salt, "sA"),
                     testing::Field(&PromptRequest::add_special_tokens, true)));
  EXPECT_EQ(parsed<PromptRequest>(R"({"prompt":[[1,2],[3]]})").prompts.size(), 2U);
  EXPECT_EQ(parsed<PromptRequest>(R"({"token_ids":[1,2]})").prompts.size(), 1U);
  const auto chat = parsed<PromptRequest>(
      R"({"prompt":"x","messages":[{"role":"user","content":"a"}],"add_special_tokens":true,
          "response_format":{"type":"json_object"},"tools":[{"type":"function"}]})");
  EXPECT_TRUE(chat.prompts.empty());
  EXPECT_EQ(chat.chat.messages.size(), 1U);
  EXPECT_EQ(chat.chat.tools.size(), 1U);
  EXPECT_TRUE(chat.chat.add_special_tokens);
}

TEST(RequestParse, APromptOfUnknownTokensIsRefused) {
  EXPECT_EQ(refused<PromptRequest>("{}").param, "messages");
  EXPECT_EQ(refused<PromptRequest>(R"({"prompt":"a","truncate_prompt_tokens":5})").status, 501);
  EXPECT_EQ(refused<PromptRequest>(R"({"token_ids":[1],"features":{"mm":1}})").status, 501);
  EXPECT_EQ(
      refused<PromptRequest>(R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})")
          .status,
      501);
  parsed<PromptRequest>(R"({"prompt":"a","truncate_prompt_tokens":null,"documents":[]})");
}

TEST(RequestParse, TokenizeTakesAPromptOrMessages) {
  EXPECT_EQ(parsed<TokenizeRequest>(R"({"prompt":""})").prompt, "");
  const auto request = parsed<TokenizeRequest>(
      R"({"messages":[{"role":"user","content":"a"}],"add_generation_prompt":false})");
  EXPECT_FALSE(request.chat.add_generation_prompt);
  EXPECT_EQ(refused<TokenizeRequest>("{}").param, "messages");
  EXPECT_EQ(parsed<DetokenizeRequest>(R"({"tokens":[]})").tokens.size(), 0U);
  EXPECT_EQ(refused<DetokenizeRequest>("{}").param, "tokens");
}

}  // namespace
}  // namespace llmd::openai
