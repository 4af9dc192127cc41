// SPDX-License-Identifier: Apache-2.0
#include "engine/model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/model/test_model.h"
#include "engine/model/weight_store.h"

namespace llmd::engine {
namespace {

using testing::HasSubstr;

Result<std::vector<TensorEntry>> parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)));
}

void expect_refused(const std::string& file, const char* why) {
  const auto parsed = parse(file);
  ASSERT_FALSE(parsed.ok()) << why;
  EXPECT_THAT(parsed.error().message, HasSubstr(why));
}

void expect_header_refused(std::string_view header, const char* why) {
  expect_refused(safetensors_file(header, std::string(64, 'x')), why);
}

TEST(SafetensorsTest, ReadsTensorsAndSkipsMetadata) {
  const std::string file = safetensors_file(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("none":{"dtype":"I64","shape":[0],"data_offsets":[24,24]}})",
      std::string(24, 'x'));
  const auto parsed = parse(file);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ(parsed->at(0).shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(parsed->at(0).bytes.size(), 24U);
}

TEST(SafetensorsTest, RefusesBrokenFrames) {
  expect_refused("", "shorter than 8");
  expect_refused(std::string(8, '\xff'), "claims");
  expect_refused(safetensors_file("{}", "").substr(0, 9), "claims");
  expect_refused(safetensors_file("[1]", ""), "JSON object");
  expect_refused(safetensors_file("{\"a\":", ""), "JSON object");
}

TEST(SafetensorsTest, RefusesHostileTensors) {
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[60,68]}})",
                        "do not lie");
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", "do not lie");
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})", "counts");
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "needs 12");
  expect_header_refused(
      R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", "overflows");
  expect_header_refused(R"({"a":{"dtype":"Q4","shape":[8],"data_offsets":[0,8]}})",
                        "unknown dtype");
  expect_header_refused(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})",
                        "more than 8");
  expect_header_refused(R"({"a":1})", "dtype");
  expect_header_refused(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                        R"("b":{"dtype":"U8","shape":[8],"data_offsets":[7,15]}})",
                        "lies over");
  expect_header_refused(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                        R"("a":{"dtype":"U8","shape":[8],"data_offsets":[8,16]}})",
                        "twice");
}

std::string one_tensor(const char* name) {
  SafetensorsWriter writer;
  writer.add(name, 4, 16);
  return writer.finish();
}

TEST(WeightStoreTest, ReadsShards) {
  const TemporaryDirectory directory;
  directory.write("one.safetensors", one_tensor("a"));
  directory.write("two.safetensors", one_tensor("b"));
  directory.write("model.safetensors.index.json",
                  R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
  const auto store = WeightStore::open(directory.path());
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_TRUE(store->matrix("a", 4, 16).ok());
  EXPECT_TRUE(store->matrix("b", 4, 16).ok());
}

TEST(WeightStoreTest, SaysWhatWasFoundAndExpected) {
  const TemporaryDirectory directory;
  directory.write("model.safetensors", one_tensor("a"));
  const auto store = WeightStore::open(directory.path());
  ASSERT_TRUE(store.ok());
  EXPECT_THAT(store->matrix("a", 16, 4).error().message,
              HasSubstr("tensor 'a' has shape [4, 16], expected [16, 4]"));
  EXPECT_THAT(store->matrix("b", 16, 4).error().message, HasSubstr("'b' is missing"));
}

void expect_index_refused(const char* index, const char* why) {
  const TemporaryDirectory directory;
  directory.write("one.safetensors", one_tensor("a"));
  directory.write("same.safetensors", one_tensor("a"));
  directory.write("model.safetensors.index.json", index);
  const auto store = WeightStore::open(directory.path());
  ASSERT_FALSE(store.ok()) << index;
  EXPECT_THAT(store.error().message, HasSubstr(why));
}

TEST(WeightStoreTest, RefusesHostileIndexes) {
  expect_index_refused(R"({"weight_map":{"a":"../one.safetensors"}})", "this directory");
  expect_index_refused(R"({"weight_map":{"a":"/etc/passwd"}})", "this directory");
  expect_index_refused(R"({"weight_map":{"a":".."}})", "this directory");
  expect_index_refused(R"({"weight_map":{"a":7}})", "this directory");
  expect_index_refused(R"({"weight_map":[]})", "weight_map");
  expect_index_refused(R"({"weight_map":{"b":"one.safetensors"}})", "not in any");
  expect_index_refused(R"({"weight_map":{"a":"one.safetensors","c":"same.safetensors"}})",
                       "another file");
  expect_index_refused(R"({"weight_map":{"a":"none.safetensors"}})", "No such file");
}

}  // namespace
}  // namespace llmd::engine
