// SPDX-License-Identifier: Apache-2.0
#include "gateway/event_boundary.h"

#include <gtest/gtest.h>

namespace llmd::gateway {
namespace {

TEST(EventBoundary, WholeEventsPassAtOnce) {
  EventBoundary boundary;
  EXPECT_EQ(boundary.take("data: 1\n\n"), "data: 1\n\n");
  EXPECT_EQ(boundary.take("data: 2\n\ndata: 3\r\n\r\n"), "data: 2\n\ndata: 3\r\n\r\n");
  EXPECT_TRUE(boundary.at_boundary());
}

TEST(EventBoundary, HalfEventsWait) {
  EventBoundary boundary;
  EXPECT_EQ(boundary.take("data: 1\n\ndat"), "data: 1\n\n");
  EXPECT_EQ(boundary.take("a: 2\n"), "");
  EXPECT_EQ(boundary.take("\nd"), "data: 2\n\n");
  EXPECT_EQ(boundary.take_all("one"), "done");
}

TEST(EventBoundary, CutAnywhereTheSameBytesComeOut) {
  const std::string text = "data: a\n\nevent: b\r\ndata: c\r\n\r\n: d\n\n";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EventBoundary boundary;
    std::string out(boundary.take(std::string_view(text).substr(0, cut)));
    EXPECT_TRUE(out.empty() || out.ends_with("\n\n") || out.ends_with("\r\n\r\n")) << cut;
    out += boundary.take_all(std::string_view(text).substr(cut));
    EXPECT_EQ(out, text) << cut;
  }
}

TEST(EventBoundary, HugeEventsPassInPieces) {
  EventBoundary boundary;
  const std::string piece(kEventBytesMax - 1, 'x');
  EXPECT_EQ(boundary.take(piece), "");
  EXPECT_EQ(boundary.take("yz"), piece + "yz");
  EXPECT_FALSE(boundary.at_boundary());
  EXPECT_EQ(boundary.take("more"), "more");
  EXPECT_EQ(boundary.take("\n\nhalf"), "\n\n");
  EXPECT_TRUE(boundary.at_boundary());
  EXPECT_EQ(boundary.take_all(""), "half");
}

}  // namespace
}  // namespace llmd::gateway
