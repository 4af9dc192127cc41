// SPDX-License-Identifier: Apache-2.0
#include "kv/events/msgpack_reader.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/random.h"

namespace llmd::kv {
namespace {

using nlohmann::json;
using namespace std::string_literals;

std::string packed(const json& value) {
  std::string bytes;
  json::to_msgpack(value, bytes);
  return bytes;
}

TEST(MsgpackReader, ReadsEveryFormOfAnInteger) {
  for (const auto& [bytes, expected] : std::vector<std::pair<std::string, int64_t>>{
           {"\x00"s, 0},
           {"\x7f"s, 127},
           {"\xcc\xff"s, 255},
           {"\xcd\x01\x02"s, 258},
           {"\xce\x00\x01\x00\x00"s, 65536},
           {"\xcf\x00\x00\x00\x01\x00\x00\x00\x00"s, int64_t{1} << 32},
           {"\xd0\x05"s, 5},
           {"\xd1\x01\x00"s, 256},
           {"\xd2\x00\x01\x00\x00"s, 65536},
           {"\xd3\x00\x00\x00\x00\x00\x00\x00\x09"s, 9},
           {"\xff"s, -1},
           {"\xe0"s, -32},
           {"\xd0\x80"s, -128},
           {"\xd1\x80\x00"s, -32768},
           {"\xd2\x80\x00\x00\x00"s, -2147483648LL},
           {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00"s, INT64_MIN},
           {"\xcf\xff\xff\xff\xff\xff\xff\xff\xfe"s, -2}}) {
    int64_t value = 0;
    MsgpackReader reader(bytes);
    ASSERT_TRUE(reader.read_int(value)) << expected;
    EXPECT_EQ(value, expected);
    EXPECT_EQ(reader.bytes_left(), 0U);
    uint64_t unsigned_value = 0;
    MsgpackReader again(bytes);
    const bool negative = expected < 0 && bytes[0] != '\xcf';
    EXPECT_EQ(again.read_uint(unsigned_value), !negative) << expected;
    EXPECT_EQ(unsigned_value, negative ? 0 : static_cast<uint64_t>(expected));
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_FALSE(MsgpackReader(std::string_view(bytes).substr(0, cut)).read_int(value));
    }
  }
}

TEST(MsgpackReader, ReadsNumbersAsDoubles) {
  double value = 0;
  EXPECT_TRUE(MsgpackReader("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s).read_double(value));
  EXPECT_EQ(value, 1.5);
  EXPECT_TRUE(MsgpackReader("\xca\x3f\xc0\x00\x00"s).read_double(value));
  EXPECT_EQ(value, 1.5);
  EXPECT_TRUE(MsgpackReader("\xff"s).read_double(value));
  EXPECT_EQ(value, -1);
  EXPECT_FALSE(MsgpackReader("\xc0"s).read_double(value));
}

TEST(MsgpackReader, AReadOfAnotherKindConsumesNothing) {
  const std::string bytes = packed("text");
  MsgpackReader reader(bytes);
  size_t count = 0;
  uint64_t number = 0;
  std::string_view text;
  EXPECT_FALSE(reader.read_nil());
  EXPECT_FALSE(reader.read_array(count));
  EXPECT_FALSE(reader.read_map(count));
  EXPECT_FALSE(reader.read_uint(number));
  EXPECT_FALSE(reader.read_binary(text));
  EXPECT_TRUE(reader.read_string(text));
  EXPECT_EQ(text, "text");
}

TEST(MsgpackReader, RefusesLengthsThatCannotBe) {
  size_t count = 0;
  std::string_view text;
  EXPECT_FALSE(MsgpackReader("\xdd\xff\xff\xff\xff\x00"s).read_array(count));
  EXPECT_FALSE(MsgpackReader("\xdf\x00\x00\x00\x01\x00"s).read_map(count));
  EXPECT_FALSE(MsgpackReader("\xdb\x00\x00\x00\x02\x00"s).read_string(text));
  EXPECT_FALSE(MsgpackReader("\xc1"s).skip());
  EXPECT_FALSE(MsgpackReader(""s).skip());
}

/// A value of random shape, with all kinds that nlohmann can write.
json random_value(Random& random, int depth) {
  switch (random.below(depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return random.below(2) == 0;
    case 2:
      return random.next() >> random.below(64);
    case 3:
      return -static_cast<int64_t>(random.next() >> (1 + random.below(63)));
    case 4:
      return random.next_unit();
    case 5:
      return std::string(random.below(300), 'x');
    case 6: {
      json list = json::array();
      for (uint64_t i = random.below(20); i > 0; --i)
        list.push_back(random_value(random, depth - 1));
      return list;
    }
    default: {
      json map = json::object();
      for (uint64_t i = random.below(20); i > 0; --i) {
        map[std::to_string(i)] = random_value(random, depth - 1);
      }
      return map;
    }
  }
}

TEST(MsgpackReader, SkipsWhatAnotherImplementationWrote) {
  Random random(1);
  for (int round = 0; round < 500; ++round) {
    const std::string bytes = packed(random_value(random, 3));
    const std::string followed = bytes + "\x2a";
    MsgpackReader reader(followed);
    std::string_view skipped;
    ASSERT_TRUE(reader.skip(skipped));
    EXPECT_EQ(skipped, bytes);
    const size_t cut = random.below(bytes.size());
    EXPECT_FALSE(MsgpackReader(std::string_view(bytes).substr(0, cut)).skip());
  }
  for (const std::string& extension :
       {"\xd4\x01z"s, "\xd8\x01"s + std::string(16, 'z'), "\xc7\x02\x01zz"s, "\xc5\x00\x01z"s}) {
    EXPECT_TRUE(MsgpackReader(extension).skip());
  }
}

TEST(MsgpackReader, SkipsAnyDepth) {
  const std::string deep(1 << 20, '\x91');
  EXPECT_FALSE(MsgpackReader(deep).skip());
  EXPECT_TRUE(MsgpackReader(deep + "\xc0").skip());
}

TEST(MsgpackReader, ReadsTokenIdsOfEveryWidth) {
  Random random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<uint32_t> tokens(random.below(70));
    for (uint32_t& token : tokens)
      token = static_cast<uint32_t>(random.next() >> (32 + random.below(32)));
    const std::string bytes = packed(tokens);
    MsgpackReader reader(bytes);
    size_t count = 0;
    ASSERT_TRUE(reader.read_array(count));
    std::vector<uint32_t> read(count);
    ASSERT_TRUE(reader.read_uint32s(read.data(), count));
    EXPECT_EQ(read, tokens);
    EXPECT_EQ(reader.bytes_left(), 0U);
  }
}

TEST(MsgpackReader, ReadsTokenIdsInWideAndSignedForms) {
  const std::string padding(8, '\x01');
  uint32_t token = 0;
  EXPECT_TRUE(
      MsgpackReader("\xcf\x00\x00\x00\x00\xff\xff\xff\xff"s + padding).read_uint32s(&token, 1));
  EXPECT_EQ(token, UINT32_MAX);
  EXPECT_TRUE(MsgpackReader("\xd1\x12\x34"s + padding).read_uint32s(&token, 1));
  EXPECT_EQ(token, 0x1234U);
  for (const std::string& bad : {"\xcf\x00\x00\x00\x01\x00\x00\x00\x00"s, "\xff"s, "\xc0"s,
                                 "\xa1z"s, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s}) {
    EXPECT_FALSE(MsgpackReader(bad + padding).read_uint32s(&token, 1));
    EXPECT_FALSE(MsgpackReader(bad).read_uint32s(&token, 1));
  }
}

}  // namespace
}  // namespace llmd::kv
