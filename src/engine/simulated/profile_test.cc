// SPDX-License-Identifier: Apache-2.0
#include "engine/simulated/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace llmd::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kProfile =
    "model: m\nsource: a test\nalphaMs: 7\nbetaMs: 0.027\ngammaMs: 5e-5\n"
    "kvBytesPerToken: 131072\nkvCacheTokens: 1000\nlinkBytesPerSecond: 1e9\ncoldStartSeconds: 2\n"
    "maxModelLen: 100\nmaxNumBatchedTokens: 64\nmaxNumSeqs: 8\n";

std::string with(std::string_view line, std::string_view instead) {
  std::string text(kProfile);
  text.replace(text.find(line), line.size(), instead);
  return text;
}

std::string error_of(const std::string& yaml) {
  const auto profile = parse_profile(yaml, "p.yaml");
  return profile ? "" : profile.error().message;
}

TEST(Profile, IsReadInItsUnits) {
  const auto profile = parse_profile(kProfile, "p.yaml");
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->name, "p.yaml");
  EXPECT_EQ(profile->max_num_seqs, 8);
  EXPECT_EQ(profile->time.step_time(100, 1000), std::chrono::microseconds(7000 + 2700 + 50));
  EXPECT_EQ(profile->time.kv_transfer_time(100), std::chrono::nanoseconds(13'107'200));
  EXPECT_EQ(profile->time.cold_start(), std::chrono::seconds(2));
}

TEST(Profile, ErrorsNamePlaceAndRemedy) {
  EXPECT_EQ(error_of(with("betaMs", "bateMs")), "p.yaml:1:1: betaMs: is missing");
  EXPECT_EQ(error_of(with("maxNumSeqs: 8", "maxNumSeqs: 8\nmaxNumSeq: 1")),
            "p.yaml:13:1: maxNumSeq: there is no such key; did you mean maxNumSeqs?");
  EXPECT_EQ(error_of(with("alphaMs: 7", "alphaMs: -1")),
            "p.yaml:3:10: alphaMs: must be a number from 0 to 1000000");
  EXPECT_EQ(error_of(with("alphaMs: 7", "alphaMs: nan")),
            "p.yaml:3:10: alphaMs: must be a number from 0 to 1000000");
  EXPECT_EQ(error_of(with("linkBytesPerSecond: 1e9", "linkBytesPerSecond: 0")),
            "p.yaml:8:21: linkBytesPerSecond: must be greater than 0");
  EXPECT_EQ(error_of(with("kvCacheTokens: 1000", "kvCacheTokens: 1")),
            "p.yaml:7:16: kvCacheTokens: must be at least 2");
  EXPECT_EQ(error_of("a: 1\n---\na: 1\n"), "p.yaml: must hold one profile");
}

TEST(Profile, BuiltInOnesAreFoundByName) {
  EXPECT_THAT(profile_names(), ElementsAre("gpt-oss-120b-tp1-h200", "gpt-oss-120b-tp4-h200",
                                           "llama-3.1-70b-tp8-h100", "llama-3.1-8b-h100",
                                           "llama-3.1-8b-l40s", "qwen3-32b-tp2-h100"));
  for (const std::string& name : profile_names()) {
    const auto profile = load_profile(name);
    ASSERT_TRUE(profile) << profile.error().message;
    EXPECT_EQ(profile->name, name);
    EXPECT_GE(profile->kv_cache_tokens, profile->max_model_len) << name;
  }
  const auto missing = load_profile("qwen3-32b-tp2-h10");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("did you mean qwen3-32b-tp2-h100?"));
}

TEST(Profile, FilesAreFoundByPath) {
  const std::string path = testing::TempDir() + "profile_test.yaml";
  ASSERT_TRUE(write_file_atomically(path, kProfile));
  const auto profile = load_profile(path);
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->model, "m");
}

}  // namespace
}  // namespace llmd::engine
