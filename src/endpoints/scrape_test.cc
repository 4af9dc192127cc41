// SPDX-License-Identifier: Apache-2.0
#include "endpoints/scrape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "endpoints/metrics_reader.h"

namespace llmd::endpoints {
namespace {

TEST(ParseMetrics, SumsSeriesAndAveragesUsage) {
  const auto page = read_file("src/endpoints/scrape_corpus/vllm.txt", kScrapeBytesMax);
  const Scrape scrape = parse_metrics(page.value(), "vllm");
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
      "sglang");
  EXPECT_EQ(scrape.waiting, 5);
  EXPECT_EQ(scrape.running, 2);
  EXPECT_EQ(scrape.kv_usage, 0.5);
  EXPECT_EQ(scrape.cache_tokens, 640U);
}

std::shared_ptr<const EngineNames> built_in(std::string_view engine) {
  return EngineMetrics::built_in().find(engine);
}

/// A page of the corpus, read in pieces of `piece` bytes.
Scrape read_page(const std::string& name, std::string_view engine, size_t piece,
                 std::optional<uint32_t> rank = std::nullopt) {
  const std::string page =
      read_file("src/endpoints/scrape_corpus/" + name, kScrapeBytesMax).value();
  MetricsReader reader(built_in(engine), rank);
  reader.read("left over from a page that ended early{");
  reader.begin();
  for (size_t at = 0; at < page.size(); at += piece) {
    reader.read(std::string_view(page).substr(at, piece));
  }
  return reader.finish();
}

TEST(MetricsReader, FindsTheSameWhereverThePageIsCut) {
  const Scrape whole = read_page("vllm.txt", "vllm", kScrapeBytesMax);
  EXPECT_EQ(whole.running, 7);
  for (size_t piece = 1; piece < 200; ++piece) {
    EXPECT_EQ(read_page("vllm.txt", "vllm", piece), whole) << piece;
  }
}

TEST(MetricsReader, ARankReadsItsOwnSeriesAndThoseOfNoRank) {
  const Scrape first = read_page("vllm.txt", "vllm", 50, 0);
  EXPECT_EQ(first.running, 3);
  EXPECT_EQ(first.waiting, 2);
  EXPECT_EQ(first.kv_usage, 0.25);
  EXPECT_EQ(first.cache_tokens, 16000U);
  const Scrape second = read_page("vllm.txt", "vllm", 50, 1);
  EXPECT_EQ(second.running, 4);
  EXPECT_EQ(second.waiting, 0);
  EXPECT_EQ(second.kv_usage, 0.75);
  MetricsReader sglang(built_in("sglang"), 1);
  sglang.read(
      "sglang:num_running_reqs{dp_rank=\"0\"} 1\nsglang:num_running_reqs{dp_rank=\"1\"} 2\n");
  EXPECT_EQ(sglang.finish().running, 2);
}

TEST(MetricsReader, TheNewestSeriesNamesTheAdapters) {
  const Scrape scrape = read_page("lora.txt", "vllm", 10);
  EXPECT_THAT(scrape.active_adapters, testing::ElementsAre("a", "b"));
  EXPECT_THAT(scrape.waiting_adapters, testing::ElementsAre("c"));
  EXPECT_EQ(scrape.adapters_max, 4U);
}

TEST(MetricsReader, OtherEnginesHaveTheirOwnNames) {
  const Scrape trtllm = read_page("trtllm.txt", "trtllm-serve", 10);
  EXPECT_EQ(trtllm.waiting, 3);
  EXPECT_EQ(trtllm.running, 4);
  EXPECT_EQ(trtllm.kv_usage, 0.25);
  EXPECT_EQ(trtllm.block_size, 32U);
  EXPECT_EQ(trtllm.cache_tokens, 3200U);
  const Scrape tensorrt = read_page("triton.txt", "triton-tensorrt-llm", 10);
  EXPECT_EQ(tensorrt.waiting, 1);
  EXPECT_EQ(tensorrt.running, 2);
  EXPECT_EQ(tensorrt.kv_usage, 0.5);
  EXPECT_EQ(tensorrt.block_size, 64U);
  EXPECT_EQ(tensorrt.cache_tokens, 640U);
  const Scrape triton = read_page("triton.txt", "triton", 10);
  EXPECT_EQ(triton.waiting, 11);
  EXPECT_EQ(triton.running, 0);
}

TEST(MetricsReader, ALineLongerThanAnyWantedIsLeftOutAlone) {
  MetricsReader reader(built_in("vllm"));
  const std::string filler(40'000, 'x');
  reader.read("vllm:num_requests_running{a=\"" + filler);
  reader.read(filler);
  reader.read("\"} 5\nvllm:num_requests_waiting 6\n");
  EXPECT_EQ(reader.finish().running, 0);
  EXPECT_EQ(reader.finish().waiting, 6);
}

TEST(MetricsReader, APageForgetsThePageBefore) {
  MetricsReader reader(built_in("vllm"));
  reader.read(
      "vllm:lora_requests_info{running_lora_adapters=\"a\",max_lora=\"1\"} 5\n"
      "vllm:num_requests_running 3\nvllm:cache_config_info{block_size=\"16\","
      "num_gpu_blocks=\"2\"} 1\n");
  EXPECT_EQ(reader.finish().block_size, 16U);
  reader.begin();
  EXPECT_EQ(reader.finish(), Scrape());
}

TEST(ParseMetrics, NonsenseCountsAsNothing) {
  for (const char* line :
       {"", "vllm:num_requests_waiting", "vllm:num_requests_waiting NaN",
        "vllm:num_requests_waiting +Inf", "vllm:num_requests_waiting -3",
        "vllm:num_requests_waiting 3x", "vllm:num_requests_waiting{a=\"b 3",
        "# vllm:num_requests_waiting 3", "vllm:num_requests_waiting{a} 3",
        "vllm:num_requests_waiting{a=b} 3", "vllm:num_requests_waiting{a=\"b\\\"} 3",
        "vllm:num_requests_waitings 3"}) {
    EXPECT_EQ(parse_metrics(line, "vllm").waiting, 0) << line;
  }
  EXPECT_EQ(parse_metrics("vllm:kv_cache_usage_perc 7\n", "vllm").kv_usage, 1);
}

TEST(ParseModels, ReadsIdsAndRefusesOtherDocuments) {
  EXPECT_THAT(
      parse_models(R"({"object":"list","data":[{"id":"a"},{"id":3},4,{"id":""}]})").value().names,
      testing::ElementsAre("a"));
  for (const char* bad : {"", "[]", "{}", "{\"data\":{}}", "{\"data\":["}) {
    EXPECT_FALSE(parse_models(bad).ok()) << bad;
  }
  EXPECT_THAT(parse_models("{\"data\":[{\"id\":\"" + std::string(257, 'x') + "\"}]}").value().names,
              testing::IsEmpty());
}

TEST(ParseModels, TellsAdaptersByTheirParentAndReadsTheLongestLength) {
  const ModelList list = parse_models(R"({"data":[
      {"id":"base","parent":null,"max_model_len":4096},{"id":"lora","parent":"base"},
      {"id":"other","max_model_len":"many"}]})")
                             .value();
  EXPECT_THAT(list.names, testing::ElementsAre("base", "lora", "other"));
  EXPECT_THAT(list.adapters, testing::ElementsAre("lora"));
  EXPECT_EQ(list.max_model_len, 4096U);
}

}  // namespace
}  // namespace llmd::endpoints
