// SPDX-License-Identifier: Apache-2.0
#include "openai/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "openai/error.h"

namespace llmd::openai {
namespace {

std::string encoded(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, EscapesWhatMustBeEscaped) {
  EXPECT_EQ(encoded("a\"b\\c/\n\r\t"), R"("a\"b\\c/\n\r\t")");
  EXPECT_EQ(encoded(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(encoded("häß 😀"), "\"häß 😀\"");
}

TEST(JsonWriter, BrokenUtf8BecomesReplacementCharacters) {
  EXPECT_EQ(encoded("\xff"), "\"\uFFFD\"");
  EXPECT_EQ(encoded("\xC0\xAF"), "\"\uFFFD\uFFFD\"");              // overlong
  EXPECT_EQ(encoded("\xED\xA0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");    // surrogate
  EXPECT_EQ(encoded("\xF4\x90\x80\x80").size(), 2U + 4 * 3);       // above U+10FFFF
  EXPECT_EQ(encoded("a\xF0\x9F\x98"), "\"a\uFFFD\uFFFD\uFFFD\"");  // cut off
}

TEST(JsonWriter, AnyBytesGiveValidJson) {
  Random random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random.below(12), '\0');
    for (char& c : text) c = static_cast<char>(random.below(256));
    EXPECT_TRUE(nlohmann::json::accept(encoded(text)));
  }
}

TEST(JsonWriter, SeparatesValues) {
  std::string out;
  JsonWriter json(out);
  const uint32_t ids[] = {1, 2, 4294967295};
  json.begin_object().key("a").begin_array().number(-1).null().boolean(true).end_array();
  json.key("b").numbers(ids).key("c").begin_object().end_object().end_object();
  EXPECT_EQ(out, R"({"a":[-1,null,true],"b":[1,2,4294967295],"c":{}})");
}

TEST(JsonWriter, RealsReadBackAsTheyWere) {
  for (const double value : {0.1, -2.5e-9, 1.0 / 3, 1e300, 0.0, 12345678.0}) {
    std::string out;
    JsonWriter(out).real(value);
    EXPECT_EQ(nlohmann::json::parse(out).get<double>(), value) << out;
  }
  std::string out;
  JsonWriter(out).begin_array().real(std::nan("")).real(INFINITY).end_array();
  EXPECT_EQ(out, "[null,null]");
}

TEST(ApiError, HasTheOpenAiShape) {
  EXPECT_EQ(to_json(make_error(400, "no \"x\"", "x")),
            R"({"error":{"message":"no \"x\"","type":"invalid_request_error","param":"x",)"
            R"("code":null}})");
  EXPECT_EQ(make_error(401, "").code, "invalid_api_key");
  EXPECT_EQ(to_api_error(not_found("m")).status, 404);
  EXPECT_EQ(to_api_error({Errc::kUnimplemented, "LoRA"}).type, "not_implemented_error");
}

}  // namespace
}  // namespace llmd::openai
