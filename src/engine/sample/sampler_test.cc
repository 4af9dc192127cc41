// SPDX-License-Identifier: Apache-2.0
#include "engine/sample/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/random.h"

namespace llmd::engine {
namespace {

TokenId draw(std::vector<float> logits, const SamplingParams& params, uint32_t position,
             std::vector<TokenId> suppressed = {}) {
  return sample(logits, params, position, suppressed);
}

/// How often each token comes up over `count` positions.
std::map<TokenId, int> tally(const std::vector<float>& logits, SamplingParams params, int count) {
  std::map<TokenId, int> out;
  for (int i = 0; i < count; ++i) ++out[draw(logits, params, static_cast<uint32_t>(i))];
  return out;
}

TEST(SamplerTest, GreedyTakesTheLowestOfEquals) {
  EXPECT_EQ(draw({1, 5, 3, 5}, {.temperature = 0}, 0), 1U);
  EXPECT_EQ(draw({1, 5, 3, 5}, {.temperature = 1e-6F}, 0), 1U);
}

TEST(SamplerTest, SuppressedTokensAreNeverChosen) {
  EXPECT_EQ(draw({1, 5, 3, 4}, {.temperature = 0}, 0, {1, 3, 999}), 2U);
  for (uint32_t i = 0; i < 200; ++i) EXPECT_NE(draw({1, 50, 3, 4}, {}, i, {1}), 1U);
}

TEST(SamplerTest, DependsOnSeedAndPositionAlone) {
  Random random(1);
  std::vector<float> logits(1000);
  for (float& v : logits) v = static_cast<float>(random.next_unit());
  const SamplingParams params{.seed = 42};
  std::vector<TokenId> forwards;
  std::vector<TokenId> backwards;
  for (uint32_t i = 0; i < 50; ++i) forwards.push_back(draw(logits, params, i));
  for (uint32_t i = 50; i-- > 0;) backwards.push_back(draw(logits, params, i));
  std::reverse(backwards.begin(), backwards.end());
  EXPECT_EQ(forwards, backwards);
  EXPECT_GT(
      std::count_if(forwards.begin(), forwards.end(), [&](TokenId t) { return t != forwards[0]; }),
      40);
}

TEST(SamplerTest, FrequenciesFollowTheSoftmax) {
  const std::vector<float> logits{0, 1, 2, -1};
  const SamplingParams params{.temperature = 2, .seed = 3};
  constexpr int kCount = 40'000;
  const auto counts = tally(logits, params, kCount);
  double total = 0;
  for (const float v : logits) total += std::exp(v / 2);
  for (size_t i = 0; i < logits.size(); ++i) {
    const double p = std::exp(logits[i] / 2) / total;
    const double sigma = std::sqrt(kCount * p * (1 - p));
    EXPECT_NEAR(counts.at(static_cast<TokenId>(i)), kCount * p, 4 * sigma) << i;
  }
}

TEST(SamplerTest, TopKKeepsTheLikeliestAndTheLowerOfEquals) {
  const auto counts = tally({2, 1, 2, 2, 3}, {.top_k = 3}, 2000);
  EXPECT_EQ(counts.size(), 3U);
  EXPECT_TRUE(counts.contains(4) && counts.contains(0) && counts.contains(2));
}

TEST(SamplerTest, TopPKeepsTheTokenThatCrosses) {
  const std::vector<float> logits{std::log(0.5F), std::log(0.3F), std::log(0.15F), std::log(0.05F)};
  EXPECT_EQ(tally(logits, {.top_p = 0.6F}, 2000).size(), 2U);
  EXPECT_EQ(tally(logits, {.top_p = 0.85F}, 2000).size(), 3U);
  EXPECT_EQ(tally(logits, {.top_p = 1e-6F}, 100).size(), 1U);
}

TEST(SamplerTest, ANucleusWiderThanTheFirstSortIsWhole) {
  const std::vector<float> flat(500, 1.0F);
  const auto counts = tally(flat, {.top_p = 0.5F}, 20'000);
  EXPECT_EQ(counts.size(), 250U);
  EXPECT_EQ(counts.rbegin()->first, 249U);
}

TEST(SamplerTest, OddSizesAndBrokenLogitsAreSurvived) {
  EXPECT_EQ(draw({3}, {.top_k = 5, .top_p = 0.5F}, 0), 0U);
  EXPECT_LT(draw(std::vector<float>(17, NAN), {.top_p = 0.5F}, 0), 17U);
  EXPECT_LT(draw(std::vector<float>(17, -INFINITY), {}, 0), 17U);
}

}  // namespace
}  // namespace llmd::engine
