// SPDX-License-Identifier: Apache-2.0
#include "kv/events/frames.h"

#include <gtest/gtest.h>

#include <vector>

namespace llmd::kv {
namespace {

using namespace std::string_literals;

using Frames = std::vector<std::string_view>;

TEST(Frames, NumbersAreBigEndian) {
  EXPECT_EQ(encode_seq(0x0102030405060708), "\x01\x02\x03\x04\x05\x06\x07\x08");
  EXPECT_EQ(decode_seq(encode_seq(258)), 258U);
  EXPECT_EQ(decode_seq("1234567"), std::nullopt);
  EXPECT_EQ(decode_seq("123456789"), std::nullopt);
}

TEST(Frames, ALiveBatchHasThree) {
  const std::string seq = encode_seq(7);
  const auto message = parse_live(Frames{"topic", seq, "payload"});
  ASSERT_TRUE(message);
  EXPECT_EQ(message->topic, "topic");
  EXPECT_EQ(message->seq, 7U);
  EXPECT_EQ(message->payload, "payload");
  EXPECT_FALSE(parse_live(Frames{"topic", seq}));
  EXPECT_FALSE(parse_live(Frames{"topic", "7", "payload"}));
  EXPECT_FALSE(parse_live(Frames{"topic", encode_seq(kReplayEnd), "payload"}));
  EXPECT_FALSE(parse_live(Frames{}));
}

TEST(Frames, AReplyHasATopicOrHasNot) {
  const std::string seq = encode_seq(7);
  for (const Frames& frames : {Frames{"", seq, "payload"}, Frames{"", "topic", seq, "payload"},
                               Frames{"", "8 bytes!", seq, "payload"}}) {
    const auto message = parse_replay(frames);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->seq, 7U);
    EXPECT_EQ(message->payload, "payload");
  }
  const std::string end(8, '\xff');
  EXPECT_EQ(parse_replay(Frames{"", end, ""})->seq, kReplayEnd);
  EXPECT_EQ(parse_replay(Frames{"", "", end, ""})->seq, kReplayEnd);
  for (const Frames& frames : {Frames{"", seq}, Frames{"x", seq, "payload"}, Frames{"", "7", "z"},
                               Frames{"", "", "topic", seq, "payload"}, Frames{}}) {
    EXPECT_FALSE(parse_replay(frames));
  }
}

TEST(Frames, ATopicNamesItsSource) {
  EXPECT_EQ(parse_topic("kv@10.0.0.1:8000@org/model").address, "10.0.0.1:8000");
  EXPECT_EQ(parse_topic("kv@10.0.0.1:8000@org/model").model, "org/model");
  for (const char* other : {"", "kv@10.0.0.1", "kv@pod@model@more"}) {
    EXPECT_EQ(parse_topic(other).address, other);
    EXPECT_EQ(parse_topic(other).model, "");
  }
}

}  // namespace
}  // namespace llmd::kv
