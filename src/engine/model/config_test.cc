// SPDX-License-Identifier: Apache-2.0
#include "engine/model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/model/rotary.h"
#include "engine/model/test_model.h"

namespace llmd::engine {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// The test model's configuration with some keys set, or removed where the value is null.
Result<ModelConfig> parse_with(const json& changes, bool qwen3 = false) {
  json config = json::parse(config_json({.qwen3 = qwen3}));
  if (!changes.is_null()) config.update(changes);
  return parse_config(config.dump());
}

void expect_refused(const json& changes, const char* why, bool qwen3 = false) {
  const auto parsed = parse_with(changes, qwen3);
  ASSERT_FALSE(parsed.ok()) << changes;
  EXPECT_THAT(parsed.error().message, HasSubstr(why));
}

TEST(ConfigTest, ReadsLlama) {
  const auto config =
      parse_with({{"hidden_size", 128}, {"head_dim", nullptr}, {"num_key_value_heads", nullptr}});
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->kv_heads, 8U);
  EXPECT_EQ(config->head_dim, 16U);
}

TEST(ConfigTest, ReadsQwen3) {
  const auto config = parse_with({{"head_dim", nullptr}}, true);
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_TRUE(config->qk_norm);
  EXPECT_EQ(config->head_dim, 128U);
}

TEST(ConfigTest, RefusesWhatWouldBeComputedWrongly) {
  expect_refused(
      {{"architectures", {"MambaForCausalLM"}}},
      R"(["MambaForCausalLM"], expected one of "LlamaForCausalLM" or "Qwen3ForCausalLM")");
  expect_refused({{"architectures", nullptr}}, "missing");
  expect_refused({{"attention_bias", true}}, "'attention_bias' is true, supported is false");
  expect_refused({{"mlp_bias", true}}, "mlp_bias");
  expect_refused({{"hidden_act", "gelu"}}, "supported is \"silu\"");
  expect_refused({{"quantization_config", {{"bits", 4}}}}, "quantization_config");
  expect_refused({{"rope_scaling", {{"rope_type", "yarn"}}}}, "rope type \"yarn\"");
  expect_refused({{"rope_scaling", {{"rope_type", "llama3"}}}}, "'factor' is missing");
  expect_refused({{"use_sliding_window", true}}, "use_sliding_window", true);
  expect_refused({{"layer_types", {"sliding_attention"}}}, "sliding_attention", true);
}

TEST(ConfigTest, RefusesSizesOutOfBounds) {
  expect_refused({{"hidden_size", 0}}, "from 1 to");
  expect_refused({{"hidden_size", -64}}, "from 1 to");
  expect_refused({{"hidden_size", 1e30}}, "from 1 to");
  expect_refused({{"hidden_size", "64"}}, "from 1 to");
  expect_refused({{"hidden_size", 65}}, "multiple of 16");
  expect_refused({{"num_hidden_layers", 100000}}, "from 1 to");
  expect_refused({{"num_key_value_heads", 3}}, "do not divide");
  expect_refused({{"rms_norm_eps", -1}}, "positive");
  EXPECT_FALSE(parse_config("").ok());
  EXPECT_FALSE(parse_config("[]").ok());
}

TEST(ConfigTest, GroupsDivideKvHeadsAndRuns) {
  const auto groups = [](const json& changes) { return row_parallel_groups(*parse_with(changes)); };
  EXPECT_EQ(groups({}), 4U);
  EXPECT_EQ(groups({{"num_key_value_heads", 8}}), 8U);
  EXPECT_EQ(groups({{"intermediate_size", 32}}), 2U);
  EXPECT_EQ(groups({{"num_attention_heads", 9}, {"num_key_value_heads", 3}}), 1U);
}

TEST(RotaryTest, Llama3ScalingSlowsLongWavesOnly) {
  const json scaling{{"rope_type", "llama3"},
                     {"factor", 8.0},
                     {"low_freq_factor", 1.0},
                     {"high_freq_factor", 4.0},
                     {"original_max_position_embeddings", 8192}};
  const auto plain = rotary_frequencies(*parse_with({{"rope_theta", 500000.0}, {"head_dim", 128}}));
  const auto scaled = rotary_frequencies(
      *parse_with({{"rope_theta", 500000.0}, {"head_dim", 128}, {"rope_scaling", scaling}}));
  EXPECT_EQ(plain.front(), scaled.front());
  EXPECT_FLOAT_EQ(plain.back() / 8, scaled.back());
  EXPECT_TRUE(std::is_sorted(scaled.rbegin(), scaled.rend()));
}

}  // namespace
}  // namespace llmd::engine
