// SPDX-License-Identifier: Apache-2.0
#include "gateway/model_restorer.h"

#include <gtest/gtest.h>

namespace llmd::gateway {
namespace {

std::string restored(std::string_view text, size_t piece) {
  ModelRestorer restorer;
  restorer.start("served/b", "asked \"a\"");
  std::string out;
  for (size_t at = 0; at < text.size(); at += piece) {
    const bool last = at + piece >= text.size();
    out += restorer.restore(text.substr(at, piece), last);
  }
  return out;
}

TEST(ModelRestorer, EveryMemberInPiecesOfAnySize) {
  const std::string_view text =
      "data: {\"model\":\"served/b\",\"x\":\"\\\"model\\\":\\\"served/b\\\"\"}\n\n"
      "data: {\"model\" : \t\"served/b\", \"model\": \"served/bc\", \"model\":\"other\", \"mode";
  const std::string_view expected =
      "data: {\"model\":\"asked \\\"a\\\"\",\"x\":\"\\\"model\\\":\\\"served/b\\\"\"}\n\n"
      "data: {\"model\" : \t\"asked \\\"a\\\"\", \"model\": \"served/bc\", \"model\":\"other\", "
      "\"mode";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    EXPECT_EQ(restored(text, piece), expected) << piece;
  }
}

TEST(ModelRestorer, NothingIsHeldBackForLong) {
  ModelRestorer restorer;
  restorer.start("b", "a");
  EXPECT_EQ(restorer.restore("{\"model\"" + std::string(200, ' '), false).size(), 208U);
  EXPECT_EQ(restorer.restore("\"mo", false), "");
  EXPECT_EQ(restorer.restore("on ", false), "\"moon ");
}

}  // namespace
}  // namespace llmd::gateway
