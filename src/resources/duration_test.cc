// SPDX-License-Identifier: Apache-2.0
#include "resources/duration.h"

#include <gtest/gtest.h>

#include "resources/quantity.h"

namespace llmd::resources {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Duration, ReadsGosNotation) {
  EXPECT_EQ(*parse_duration("60s"), seconds(60));
  EXPECT_EQ(*parse_duration("1m30s"), seconds(90));
  EXPECT_EQ(*parse_duration("1h0m0.5s"), milliseconds(3'600'500));
  EXPECT_EQ(*parse_duration("200ms"), milliseconds(200));
  EXPECT_EQ(*parse_duration(".5s"), milliseconds(500));
  EXPECT_EQ(*parse_duration("3us2ns"), Duration(3002));
  EXPECT_EQ(*parse_duration("0"), Duration::zero());
  EXPECT_EQ(*parse_duration("0s"), Duration::zero());
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text : {"", "60", "s", "-1s", "+1s", "1 s", "1d", "1s ", "1.2.3s", "1e3s",
                           "infs", "1001h", "99999999999999999999h"}) {
    EXPECT_FALSE(parse_duration(text).ok()) << text;
  }
}

TEST(Quantity, CountsHaveSuffixesToo) {
  EXPECT_EQ(*parse_quantity("0"), 0U);
  EXPECT_EQ(*parse_quantity("500"), 500U);
  EXPECT_EQ(*parse_quantity("1k"), 1000U);
  EXPECT_EQ(*parse_quantity("10Gi"), uint64_t{10} << 30);
  for (const char* text : {"", "-1", "k", "1kk", "0.5", "1e3"}) {
    EXPECT_FALSE(parse_quantity(text).ok()) << text;
  }
}

}  // namespace
}  // namespace llmd::resources
