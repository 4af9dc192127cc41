// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gtest/gtest.h>

namespace llmd {
namespace {

TEST(Text, SplitKeepsEmptyPieces) {
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string_view>{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(Text, ParseUintRefusesWhatIsNotDigitsAlone) {
  EXPECT_EQ(parse_uint("18446744073709551615"), 18446744073709551615ULL);
  for (const char* bad : {"", "+1", "-1", " 1", "1 ", "0x1", "18446744073709551616"}) {
    EXPECT_FALSE(parse_uint(bad).has_value()) << bad;
  }
}

TEST(Text, NearestWordHelpsWithTyposOnly) {
  const std::vector<std::string> keys = {"replicas", "resources", "routing"};
  EXPECT_EQ(nearest_word("replcias", keys), "replicas");
  EXPECT_EQ(nearest_word("Routing", keys), "routing");
  EXPECT_EQ(nearest_word("zzz", keys), std::nullopt);
}

TEST(Text, FilesAreReadBoundedAndWrittenWhole) {
  const std::string path = ::testing::TempDir() + "/text_test_file";
  ASSERT_TRUE(write_file_atomically(path, "hello").ok());
  EXPECT_EQ(read_file(path, 5).value(), "hello");
  EXPECT_EQ(read_file(path, 4).error().code, Errc::kTooLarge);
  EXPECT_EQ(read_file("/nonexistent/file", 4).error().code, Errc::kIo);
  EXPECT_EQ(read_file("/", 4).error().code, Errc::kIo);
}

}  // namespace
}  // namespace llmd
