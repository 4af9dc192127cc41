// SPDX-License-Identifier: Apache-2.0
#include "engine/api/model_assets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/text.h"

namespace llmd::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A byte-level tokenizer of two letters and two special tokens.
constexpr const char* kTokenizer = R"({"version":"1.0","added_tokens":[
  {"id":2,"content":"<s>","special":true,"single_word":false,"lstrip":false,"rstrip":false,
   "normalized":false},
  {"id":3,"content":"</s>","special":true,"single_word":false,"lstrip":false,"rstrip":false,
   "normalized":false}],
  "normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,
  "trim_offsets":true,"use_regex":true},"post_processor":null,"decoder":{"type":"ByteLevel",
  "add_prefix_space":true,"trim_offsets":true,"use_regex":true},
  "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,
  "end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,
  "vocab":{"a":0,"b":1,"<s>":2,"</s>":3},"merges":[]}})";

class ModelAssetsTest : public ::testing::Test {
 protected:
  ModelAssetsTest() : directory(::testing::TempDir() + "/model_assets_test") {
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    write("tokenizer.json", kTokenizer);
  }
  ~ModelAssetsTest() override { std::filesystem::remove_all(directory); }

  void write(const std::string& name, std::string_view content) const {
    ASSERT_TRUE(write_file_atomically(directory + "/" + name, content).ok());
  }

  std::string directory;
};

TEST_F(ModelAssetsTest, TheTokenizerAloneIsEnough) {
  const ModelAssets assets = load_assets(directory).value();
  EXPECT_FALSE(assets.chat_template.has_value());
  EXPECT_THAT(assets.eos_ids, ElementsAre());
}

TEST_F(ModelAssetsTest, EosComesFromTheTokenizerAndGenerationConfig) {
  write("tokenizer_config.json", R"({"eos_token":{"content":"</s>"},"bos_token":"<s>"})");
  write("config.json", R"({"eos_token_id":1})");
  EXPECT_THAT(load_assets(directory).value().eos_ids, ElementsAre(3, 1));
  write("generation_config.json", R"({"eos_token_id":[3,0],"temperature":0.6,"top_k":20,
    "top_p":0.95,"max_new_tokens":9,"repetition_penalty":1.1})");
  const ModelAssets assets = load_assets(directory).value();
  EXPECT_THAT(assets.eos_ids, ElementsAre(3, 0));
  EXPECT_EQ(assets.defaults.temperature, 0.6);
  EXPECT_EQ(assets.defaults.top_k, 20);
  EXPECT_EQ(assets.defaults.max_new_tokens, 9U);
  EXPECT_EQ(assets.warnings.size(), 1U);
  EXPECT_EQ(assets.special_tokens[0], std::pair(std::string("bos_token"), std::string("<s>")));
}

TEST_F(ModelAssetsTest, BrokenFilesAreNamed) {
  write("generation_config.json", "{");
  EXPECT_THAT(load_assets(directory).error().message, HasSubstr("generation_config.json"));
  write("tokenizer.json", "{}");
  EXPECT_THAT(load_assets(directory).error().message, HasSubstr("tokenizer.json"));
  std::filesystem::remove(directory + "/tokenizer.json");
  EXPECT_THAT(load_assets(directory).error().message, HasSubstr("tokenizer.json"));
}

}  // namespace
}  // namespace llmd::engine
