// SPDX-License-Identifier: Apache-2.0
#include "openai/request_scan.h"

#include <gtest/gtest.h>

namespace llmd::openai {
namespace {

TEST(RequestScan, FindsTheFieldsOfAChat) {
  const std::string_view body =
      R"( {"model":"llmd-tiny", "messages":[{"role":"user","content":"a \"b\" ]}"}],)"
      R"("stream":true,"stream_options":{"include_usage":true,"x":[1]},"max_tokens":7,)"
      R"("cache_salt":"s","tools":[{}],"temperature":-1.5e-3,"extra":{"model":"no"}} )";
  const auto scan = scan_request(body);
  ASSERT_TRUE(scan.ok()) << scan.error().message;
  EXPECT_EQ(scan->model_name, "llmd-tiny");
  EXPECT_EQ(scan->model.of(body), "\"llmd-tiny\"");
  EXPECT_EQ(scan->messages.of(body), R"([{"role":"user","content":"a \"b\" ]}"}])");
  EXPECT_EQ(scan->content().of(body), scan->messages.of(body));
  EXPECT_TRUE(scan->stream);
  EXPECT_TRUE(scan->include_usage);
  EXPECT_EQ(scan->max_tokens, 7U);
  EXPECT_EQ(scan->cache_salt.of(body), "\"s\"");
  EXPECT_EQ(scan->tools.of(body), "[{}]");
  EXPECT_FALSE(scan->kv_transfer_params.present());
}

TEST(RequestScan, NewerTokenLimitWinsWhateverTheOrder) {
  EXPECT_EQ(scan_request(R"({"max_completion_tokens":3,"max_tokens":9})")->max_tokens, 3U);
  EXPECT_EQ(scan_request(R"({"max_tokens":9,"max_completion_tokens":3})")->max_tokens, 3U);
  EXPECT_EQ(scan_request(R"({"max_tokens":9,"max_completion_tokens":null})")->max_tokens, 9U);
  EXPECT_EQ(scan_request(R"({"max_tokens":1.5})")->max_tokens, std::nullopt);
}

TEST(RequestScan, EscapedKeysAndNamesAreTheSameFields) {
  const auto scan =
      scan_request(R"({"mod\u0065l":"a\ud83d\ude00\n","kv_transfer\u005fparams":{}})");
  ASSERT_TRUE(scan.ok()) << scan.error().message;
  EXPECT_EQ(scan->model_name, "a\xF0\x9F\x98\x80\n");
  EXPECT_TRUE(scan->kv_transfer_params.present());
}

TEST(RequestScan, NullMeansAbsent) {
  const auto scan = scan_request(R"({"model":null,"messages":null,"stream":null})");
  ASSERT_TRUE(scan.ok());
  EXPECT_TRUE(scan->model_name.empty());
  EXPECT_FALSE(scan->content().present());
}

TEST(RequestScan, RefusesWhatIsNotOneJsonObject) {
  for (const std::string_view bad : {"",
                                     " ",
                                     "[]",
                                     "null",
                                     "{",
                                     "{}x",
                                     "{} {}",
                                     R"({"a"})",
                                     R"({"a":})",
                                     R"({"a":1,})",
                                     R"({,})",
                                     R"({"a":01})",
                                     R"({"a":1.})",
                                     R"({"a":.5})",
                                     R"({"a":1e})",
                                     R"({"a":+1})",
                                     R"({"a":-})",
                                     R"({"a":tru})",
                                     R"({"a":truex})",
                                     R"({"a":[1,]})",
                                     R"({"a":[1 2]})",
                                     R"({"a":"b)",
                                     R"({"a":"\x"})",
                                     R"({"a":"\u12g4"})",
                                     R"({"a":"\ud800"})",
                                     R"({"a":"\ud800\u0041"})",
                                     R"({"a":"\udc00"})",
                                     R"({"a":"\u00)",
                                     R"({a:1})",
                                     R"({'a':1})",
                                     "{\"a\":\"\n\"}",
                                     "{\"a\":\"\xff\"}",
                                     "\xef\xbb\xbf{}",
                                     R"({"a":NaN})"}) {
    EXPECT_FALSE(scan_request(bad).ok()) << bad;
  }
  EXPECT_FALSE(scan_request(std::string_view("{}\0", 3)).ok());
}

TEST(RequestScan, RefusesFieldsThatTwoReadersCouldReadDifferently) {
  EXPECT_FALSE(scan_request(R"({"model":"a","model":"b"})").ok());
  EXPECT_FALSE(scan_request(R"({"model":"a","mod\u0065l":"b"})").ok());
  EXPECT_FALSE(
      scan_request(R"({"stream_options":{"include_usage":true,"include_usage":false}})").ok());
  EXPECT_TRUE(scan_request(R"({"unknown":1,"unknown":2})").ok());
  EXPECT_FALSE(scan_request(R"({"model":5})").ok());
}

TEST(RequestScan, DepthIsBounded) {
  const auto nested = [](int levels) {
    return "{\"a\":" + std::string(static_cast<size_t>(levels), '[') +
           std::string(static_cast<size_t>(levels), ']') + "}";
  };
  EXPECT_TRUE(scan_request(nested(kJsonDepthMax - 1)).ok());
  const auto refused = scan_request(nested(kJsonDepthMax));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("deep"), std::string::npos);
  EXPECT_FALSE(scan_request(nested(1'000'000)).ok());
}

TEST(RequestScan, ErrorsSayWhere) {
  EXPECT_EQ(scan_request(R"({"a":1,"b":?})").error().message,
            "invalid JSON at byte 11: expected a value");
}

TEST(RequestScan, LongStringsAreReadToTheirEnd) {
  for (size_t length = 0; length < 200; ++length) {
    const std::string plain(length, 'x');
    const std::string body = "{\"prompt\":\"" + plain + "\\n\",\"model\":\"m\"}";
    const auto scan = scan_request(body);
    ASSERT_TRUE(scan.ok()) << length;
    EXPECT_EQ(scan->prompt.of(body), "\"" + plain + "\\n\"");
    EXPECT_EQ(scan->model_name, "m");
  }
}

}  // namespace
}  // namespace llmd::openai
