// SPDX-License-Identifier: Apache-2.0
#include "observe/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmd::observe {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, PageHasNamesLabelsAndValues) {
  Registry registry;
  registry.counter("vllm:things_total", "Things.", {{"model_name", "a\"b"}}).add(3);
  registry.gauge("vllm:level", "Level.").set(0.5);
  registry.histogram("vllm:wait_seconds", "Wait.", {0.1, 1}).observe(0.2);
  const std::string page = registry.exposition();
  EXPECT_THAT(page, HasSubstr("# TYPE vllm:things_total counter\n"));
  EXPECT_THAT(page, HasSubstr("vllm:things_total{model_name=\"a\\\"b\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("vllm:level 0.5\n"));
  EXPECT_THAT(page, HasSubstr("vllm:wait_seconds_bucket{le=\"0.1\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("vllm:wait_seconds_bucket{le=\"1\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("vllm:wait_seconds_bucket{le=\"+Inf\"} 1\n"));
}

TEST(Metrics, SameNameAndLabelsAreTheSameMetric) {
  Registry registry;
  registry.counter("a_total", "A.", {{"k", "1"}}).add();
  registry.counter("a_total", "A.", {{"k", "1"}}).add();
  registry.counter("a_total", "A.", {{"k", "2"}}).add();
  EXPECT_EQ(registry.counter("a_total", "A.", {{"k", "1"}}).value(), 2);
}

TEST(Metrics, OneTwoFiveStopsAtTheLargest) {
  EXPECT_EQ(one_two_five_buckets(100), (std::vector<double>{1, 2, 5, 10, 20, 50, 100}));
  EXPECT_EQ(one_two_five_buckets(30), (std::vector<double>{1, 2, 5, 10, 20}));
}

}  // namespace
}  // namespace llmd::observe
