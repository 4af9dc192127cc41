// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/answer_reader.h"

#include <gmock/gmock.h>

namespace llmd::bench {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kOk = 200;
constexpr Duration kEnd = milliseconds(99);

/// As vLLM streams: the role first, an escape of every kind, a usage chunk.
constexpr std::string_view kChat =
    ": a comment\n"
    "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":"
    "\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\\\"\\\\\\n\"},"
    "\"finish_reason\":null}]}\n\n"
    "event: message\r\n"
    "data:{\"choices\":[{\"delta\":{\"content\":\"\\u00e9\\ud83d\\ude00 data: [DONE]\"}}]}\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}],\"error\":null}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":7,"
    "\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n"
    "data: [DONE]\n\n";
constexpr std::string_view kChatText = "a\"\\\n\u00e9\U0001F600 data: [DONE]";

/// One answer and what was made of it.
class Answer {
 public:
  explicit Answer(bool is_stream = true, int status = kOk) { reader_.begin(status, is_stream); }

  Answer& read(std::string_view bytes, Duration now = milliseconds(10)) {
    reader_.read(bytes, now);
    return *this;
  }
  const RequestRecord& end() {
    reader_.end(kEnd);
    return record;
  }
  const RequestRecord& break_off(Outcome outcome, std::string_view why) {
    reader_.break_off(outcome, why, kEnd);
    return record;
  }
  std::string_view text() const { return reader_.text(); }

  RequestRecord record;
  Histogram gaps;

 private:
  EventParser parser_;
  AnswerReader reader_{parser_, record, &gaps, {.keeps_text = true, .keeps_token_times = true}};
};

RequestRecord streamed(std::string_view bytes) { return Answer().read(bytes).end(); }
RequestRecord whole(std::string_view bytes, int status = kOk) {
  return Answer(false, status).read(bytes).end();
}

void expect_chat(Answer& answer) {
  const RequestRecord& record = answer.end();
  EXPECT_EQ(record.outcome, Outcome::kOk) << record.error;
  EXPECT_EQ(record.error, "");
  EXPECT_EQ(record.prompt_tokens, 8U);
  EXPECT_EQ(record.output_tokens, 7U);
  EXPECT_EQ(record.cached_tokens, 4U);
  EXPECT_EQ(record.ended, kEnd);
  EXPECT_EQ(record.token_times.size(), 2U);
  EXPECT_EQ(answer.text(), kChatText);
}

TEST(AnswerReader, AStreamMayBeCutAtAnyByte) {
  for (size_t cut = 0; cut <= kChat.size(); ++cut) {
    SCOPED_TRACE(cut);
    Answer answer;
    answer.read(kChat.substr(0, cut)).read(kChat.substr(cut));
    expect_chat(answer);
  }
}

TEST(AnswerReader, AStreamMayComeByteByByte) {
  Answer answer;
  for (const char c : kChat) answer.read({&c, 1});
  expect_chat(answer);
}

TEST(AnswerReader, ATokenCameWhenItsLastByteWasRead) {
  constexpr std::string_view kToken = "data: {\"choices\":[{\"text\":\"a\"}]}\n";
  Answer answer;
  answer.read(kToken.substr(0, 20), milliseconds(10)).read(kToken.substr(20), milliseconds(12));
  answer.read(kToken, milliseconds(20))
      .read(std::string(kToken) + std::string(kToken), milliseconds(50));
  answer.read("data: [DONE]\n", milliseconds(70));
  const RequestRecord& record = answer.end();
  EXPECT_EQ(record.first_token, milliseconds(12));
  EXPECT_EQ(record.last_token, milliseconds(50));
  EXPECT_THAT(record.token_times,
              ElementsAre(milliseconds(12), milliseconds(20), milliseconds(50), milliseconds(50)));
  EXPECT_EQ(answer.gaps.count(), 3U);
  EXPECT_EQ(answer.gaps.min(), 0);
  EXPECT_EQ(answer.gaps.max(), Duration(milliseconds(30)).count());
  EXPECT_EQ(answer.gaps.sum(), static_cast<uint64_t>(Duration(milliseconds(38)).count()));
}

TEST(AnswerReader, WithoutUsageEveryEventWithATokenCounts) {
  const RequestRecord record = streamed(
      "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"a\"}}]}\n\n"
      "data: {\"choices\":[{\"delta\":{\"reasoning\":\"b\"}}]}\n\n"
      "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n"
      "data: {\"choices\":[{\"delta\":{\"tool_calls\":[]}}]}\n\n"
      "data: {\"choices\":[{\"delta\":{\"content\":null}}]}\n\n"
      "data: {\"choices\":[{\"delta\":null}]}\n\n"
      "data: {\"choices\":[]}\n\n"
      "data: {\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n"
      "data: [DONE]\n\n");
  EXPECT_EQ(record.outcome, Outcome::kOk) << record.error;
  EXPECT_EQ(record.output_tokens, 4U);
}

TEST(AnswerReader, AFinishReasonEndsAStreamThatHasNoDone) {
  EXPECT_EQ(streamed("data: {\"choices\":[{\"text\":\"a\",\"finish_reason\":\"stop\"}]}").outcome,
            Outcome::kOk);
  const RequestRecord cut =
      streamed("data: {\"choices\":[{\"text\":\"a\",\"finish_reason\":null}]}\n");
  EXPECT_EQ(cut.outcome, Outcome::kBroken);
  EXPECT_EQ(cut.output_tokens, 1U);
}

TEST(AnswerReader, AStreamWithoutATokenIsNoAnswer) {
  EXPECT_EQ(streamed("data: {\"choices\":[]}\n\ndata: [DONE]\n\n").outcome, Outcome::kProtocol);
  EXPECT_EQ(streamed("data: [DONE]\n").outcome, Outcome::kProtocol);
  EXPECT_EQ(streamed("").outcome, Outcome::kBroken);
}

TEST(AnswerReader, AnErrorEventBreaksTheAnswerAndTheFirstIsKept) {
  Answer answer;
  answer.read("data: {\"choices\":[{\"text\":\"a\"}]}\n\n");
  answer.read("data: {\"error\":{\"message\":\"the engine \\\"died\\\"\",\"code\":500}}\n\n");
  answer.read("data: garbage\n\ndata: [DONE]\n\n");
  const RequestRecord& record = answer.end();
  EXPECT_EQ(record.outcome, Outcome::kBroken);
  EXPECT_EQ(record.error, "the engine \"died\"");
  EXPECT_EQ(record.output_tokens, 1U);
}

TEST(AnswerReader, ErrorsComeInSeveralShapes) {
  EXPECT_EQ(streamed("data: {\"error\":\"full\"}\n").error, "full");
  EXPECT_EQ(streamed("data: {\"object\":\"error\",\"message\":\"full\"}\n").error, "full");
  EXPECT_EQ(streamed("data: {\"error\":{}}\n").error, "an error without a message");
  EXPECT_EQ(streamed("data: {\"error\":7}\n").outcome, Outcome::kBroken);
}

TEST(AnswerReader, WhatIsNoJsonObjectBreaksTheProtocol) {
  for (const std::string_view garbage : {"x", "[1]", "{", "{}x", "\"a\"", "{\"a\":\"\xff\"}", ""}) {
    const RequestRecord record = streamed("data: " + std::string(garbage) + "\n\ndata: [DONE]\n\n");
    EXPECT_EQ(record.outcome, Outcome::kProtocol) << garbage;
    EXPECT_THAT(record.error, HasSubstr("JSON")) << garbage;
  }
}

TEST(AnswerReader, MembersOfTheWrongTypeMeanNothing) {
  const RequestRecord record = streamed(
      "data: {\"choices\":7,\"usage\":[]}\n"
      "data: {\"choices\":[7],\"object\":7}\n"
      "data: {\"choices\":[{\"delta\":{\"content\":7},\"finish_reason\":7}]}\n"
      "data: {\"choices\":[{\"text\":\"a\"}],\"usage\":{\"prompt_tokens\":-1,"
      "\"completion_tokens\":99999999999,\"prompt_tokens_details\":7}}\n"
      "data: [DONE]\n");
  EXPECT_EQ(record.outcome, Outcome::kOk) << record.error;
  EXPECT_EQ(record.prompt_tokens, 0U);
  EXPECT_EQ(record.output_tokens, UINT32_MAX);
}

TEST(AnswerReader, AnEventWithoutAnEndIsRefused) {
  const std::string piece(1 << 20, 'a');
  Answer answer;
  answer.read("data: ");
  for (size_t size = 0; size <= kEventBytesMax; size += piece.size()) answer.read(piece);
  EXPECT_EQ(answer.end().outcome, Outcome::kProtocol);
  EXPECT_THAT(answer.record.error, HasSubstr("too large"));
}

TEST(AnswerReader, ReadsWholeAnswersOfBothApis) {
  Answer chat(false);
  chat.read("{\"choices\":[{\"message\":{\"content\":")
      .read("\"hi\"}}],\"usage\":{\"completion_tokens\":2}}");
  EXPECT_EQ(chat.end().outcome, Outcome::kOk) << chat.record.error;
  EXPECT_EQ(chat.text(), "hi");
  EXPECT_EQ(chat.record.output_tokens, 2U);
  EXPECT_EQ(chat.record.first_token, Duration(0));
  EXPECT_EQ(whole("{\"choices\":[{\"text\":\"hi\"}]}").outcome, Outcome::kOk);
  EXPECT_EQ(whole("{\"choices\":[{\"text\":\"\"}]}").outcome, Outcome::kProtocol);
  EXPECT_EQ(whole("<html>").outcome, Outcome::kProtocol);
  EXPECT_EQ(whole("{\"error\":{\"message\":\"full\"}}").outcome, Outcome::kBroken);
}

TEST(AnswerReader, AStatusOtherThan200IsTheAnswer) {
  const RequestRecord refused = whole("{\"error\":{\"message\":\"full\"}}", 429);
  EXPECT_EQ(refused.outcome, Outcome::kStatus);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.error, "full");
  EXPECT_EQ(whole("<html>", 502).error, "<html>");
  EXPECT_EQ(whole("", 500).error, "no reason was given");
  EXPECT_LT(whole(std::string(5000, 'x'), 500).error.size(), 1000U);
  // Events with such a status are one text.
  EXPECT_EQ(Answer(true, 500).read("data: [DONE]\n").end().outcome, Outcome::kStatus);
}

TEST(AnswerReader, ABrokenOffAnswerKeepsWhatCame) {
  Answer answer;
  answer.read("data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: {\"choi");
  const RequestRecord& record = answer.break_off(Outcome::kTimeout, "the response stopped");
  EXPECT_EQ(record.outcome, Outcome::kTimeout);
  EXPECT_EQ(record.error, "the response stopped");
  EXPECT_EQ(record.output_tokens, 1U);
  EXPECT_EQ(record.ended, kEnd);
}

}  // namespace
}  // namespace llmd::bench
