// SPDX-License-Identifier: Apache-2.0
#include "endpoints/scrape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace llmd::endpoints {
namespace {

TEST(ParseMetrics, SumsSeriesAndAveragesUsage) {
  const auto page = read_file("src/endpoints/scrape_corpus/vllm.txt", kScrapeBytesMax);
  const Scrape scrape = parse_metrics(page.value(), EngineType::kVllm);
  EXPECT_EQ(scrape.running, 7);
  EXPECT_EQ(scrape.waiting, 2);
  EXPECT_EQ(scrape.kv_usage, 0.5);
  EXPECT_EQ(scrape.cache_tokens, 16000U);
  EXPECT_EQ(scrape.process_start_s, 1.7e9);
}

TEST(ParseMetrics, SglangHasItsOwnNames) {
  const Scrape scrape = parse_metrics(
      "sglang:num_queue_reqs{a=\"b\"} 5\nsglang:num_running_reqs 2\nsglang:token_usage 0.5\n"
      "sglang:cache_config_info{num_pages=\"10\",page_size=\"64\"} 1\nvllm:num_requests_running 9",
      EngineType::kSglang);
  EXPECT_EQ(scrape.waiting, 5);
  EXPECT_EQ(scrape.running, 2);
  EXPECT_EQ(scrape.kv_usage, 0.5);
  EXPECT_EQ(scrape.cache_tokens, 640U);
}

TEST(ParseMetrics, NonsenseCountsAsNothing) {
  for (const char* line : {"", "vllm:num_requests_waiting", "vllm:num_requests_waiting NaN",
                           "vllm:num_requests_waiting +Inf", "vllm:num_requests_waiting -3",
                           "vllm:num_requests_waiting 3x", "vllm:num_requests_waiting{a=\"b 3",
                           "# vllm:num_requests_waiting 3", "vllm:num_requests_waitings 3"}) {
    EXPECT_EQ(parse_metrics(line, EngineType::kVllm).waiting, 0) << line;
  }
  EXPECT_EQ(parse_metrics("vllm:kv_cache_usage_perc 7\n", EngineType::kVllm).kv_usage, 1);
}

TEST(ParseModels, ReadsIdsAndRefusesOtherDocuments) {
  EXPECT_THAT(parse_models(R"({"object":"list","data":[{"id":"a"},{"id":3},4,{"id":""}]})").value(),
              testing::ElementsAre("a"));
  for (const char* bad : {"", "[]", "{}", "{\"data\":{}}", "{\"data\":["}) {
    EXPECT_FALSE(parse_models(bad).ok()) << bad;
  }
  EXPECT_THAT(parse_models("{\"data\":[{\"id\":\"" + std::string(257, 'x') + "\"}]}").value(),
              testing::IsEmpty());
}

}  // namespace
}  // namespace llmd::endpoints
