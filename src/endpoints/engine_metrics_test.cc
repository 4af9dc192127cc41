// SPDX-License-Identifier: Apache-2.0
#include "endpoints/engine_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "endpoints/metrics_reader.h"

namespace llmd::endpoints {
namespace {

using testing::ElementsAre;
using testing::Pair;

Endpoint endpoint(std::string label, std::string value) {
  return Endpoint({.name = "a", .address = "127.0.0.1", .port = 1, .labels = {{label, value}}}, 0);
}

TEST(SeriesSpec, IsANameAndLabels) {
  EXPECT_EQ(parse_series_spec(" my:depth ").value().name, "my:depth");
  const SeriesSpec spec = parse_series_spec(R"(depth{ kind = waiting, q="a,}\"b",})").value();
  EXPECT_EQ(spec.name, "depth");
  EXPECT_THAT(spec.labels, ElementsAre(Pair("kind", "waiting"), Pair("q", R"(a,}\"b)")));
  EXPECT_THAT(parse_series_spec("depth{}").value().labels, testing::IsEmpty());
}

TEST(SeriesSpec, RefusesWhatIsNone) {
  for (const char* bad :
       {"", "3depth", "a b", "{a=b}", "a{", "a{b", "a{b=c", "a{b=\"c}", "a{b!=c}", "a{b=~c}x",
        "a{b=c}d", "a{b=c} d", "a{b=\"c\"d=e}", "a{:b=c}", "a[5m]", "sum(a)"}) {
    EXPECT_FALSE(parse_series_spec(bad).ok()) << bad;
  }
}

TEST(EngineMetrics, LabelsNameTheEngine) {
  const auto engine_of = [](std::string label, std::string value) {
    return EngineMetrics::built_in().of(endpoint(std::move(label), std::move(value)))->engine;
  };
  EXPECT_EQ(engine_of("llm-d.ai/engine-type", "trtllm-serve"), "trtllm-serve");
  EXPECT_EQ(engine_of("inference.networking.k8s.io/engine-type", "triton"), "triton");
  EXPECT_EQ(engine_of("llm-d.ai/engine-type", "unheard-of"), "vllm");
  EXPECT_EQ(engine_of("other", "triton"), "vllm");
}

/// An engine with one attribute of each series.
EngineNames custom(const std::vector<std::string>& series) {
  EngineNames names{.engine = "custom",
                    .wanted = {},
                    .attributes = {},
                    .rank_label = "rank",
                    .block_tokens_label = {},
                    .blocks_label = {}};
  for (const std::string& each : series) {
    names.wanted.push_back(
        {Figure::kAttribute, parse_series_spec(each).value(), names.attributes.size()});
    names.attributes.push_back(each);
  }
  return names;
}

TEST(EngineMetrics, ATableOfOnesOwnComesBeforeTheBuiltInOnes) {
  EngineNames own = custom({"depth"});
  own.engine = "sglang";
  const EngineMetrics metrics({own}, "engine", "sglang");
  EXPECT_THAT(metrics.of(endpoint("engine", "sglang"))->attributes, ElementsAre("depth"));
  EXPECT_EQ(metrics.of(endpoint("engine", "")), metrics.find("sglang"));
  EXPECT_EQ(metrics.of(endpoint("engine", "triton"))->engine, "triton");
  EXPECT_THAT(metrics.attributes(), ElementsAre("depth"));
  EXPECT_EQ(metrics.find("vllm"), EngineMetrics::built_in().find("vllm"));
  EXPECT_EQ(metrics.find("unheard-of"), nullptr);
}

class AttributeTest : public testing::Test {
 protected:
  /// What the page says of the series, in pieces of `piece` bytes.
  static std::optional<double> read(const std::string& series, std::string_view page,
                                    std::optional<uint32_t> rank = std::nullopt,
                                    size_t piece = 1000) {
    MetricsReader reader(std::make_shared<EngineNames>(custom({series})), rank);
    for (size_t at = 0; at < page.size(); at += piece) reader.read(page.substr(at, piece));
    return reader.finish().attribute(series);
  }
};

TEST_F(AttributeTest, IsFoundByNameAndLabels) {
  const std::string_view page =
      "# TYPE depth gauge\ndepth{kind=\"a\",q=\"1\"} 3\ndepth{kind=\"b\",q=\"1\"} -4.5\n"
      "depths 7\nmy_application:queue_depth 8\nx 9";
  EXPECT_EQ(read("depth", page), 3);
  EXPECT_EQ(read("depth{kind=b}", page), -4.5);
  EXPECT_EQ(read("depth{q=1,kind=b}", page), -4.5);
  EXPECT_EQ(read("depth{q=2,kind=b}", page), std::nullopt);
  EXPECT_EQ(read("my_application:queue_depth", page), 8);
  EXPECT_EQ(read("absent", page), std::nullopt);
  for (size_t piece = 1; piece < 20; ++piece) {
    EXPECT_EQ(read("x", page, std::nullopt, piece), 9) << piece;
  }
}

TEST_F(AttributeTest, IsOfTheRanksOwnSeries) {
  const std::string_view page = "depth{rank=\"0\"} 1\ndepth{rank=\"1\"} 2\n";
  EXPECT_EQ(read("depth", page, 1), 2);
  EXPECT_EQ(read("depth", page, 2), std::nullopt);
  EXPECT_EQ(read("depth", page), 1);
}

TEST_F(AttributeTest, NonsenseIsNoValueAndTheHugeIsBounded) {
  for (const char* line : {"depth NaN", "depth +Inf", "depth x", "depth", "depth{kind=\"a 3"}) {
    EXPECT_EQ(read("depth", line), std::nullopt) << line;
  }
  EXPECT_EQ(read("depth", "depth 1e308\n"), 1e300);
  EXPECT_EQ(read("depth", "depth -1e308\n"), -1e300);
}

TEST_F(AttributeTest, IsForgottenWithItsPage) {
  MetricsReader reader(std::make_shared<EngineNames>(custom({"depth"})));
  reader.read("depth 3\n");
  EXPECT_EQ(reader.finish().attribute("depth"), 3);
  reader.begin();
  EXPECT_EQ(reader.finish().attribute("depth"), std::nullopt);
  EXPECT_EQ(reader.finish().attribute("another"), std::nullopt);
}

}  // namespace
}  // namespace llmd::endpoints
