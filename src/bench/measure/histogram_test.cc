// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace llmd::bench {
namespace {

constexpr double kShareMax = 1.0 / 1024;

/// Nearest rank, the definition that percentile() states.
int64_t exact_percentile(const std::vector<int64_t>& sorted, double percent) {
  const double rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

/// `count` values with a log-uniform magnitude between 1 and `high`.
std::vector<int64_t> log_uniform(uint64_t seed, size_t count, double high) {
  Random random(seed);
  std::vector<int64_t> values(count);
  for (int64_t& value : values) {
    value = static_cast<int64_t>(std::exp(random.next_unit() * std::log(high)));
  }
  return values;
}

TEST(Histogram, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.percentile(50), 0);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_TRUE(histogram.buckets().empty());
}

TEST(Histogram, KeepsSmallValuesExactly) {
  Histogram histogram;
  for (int64_t value = 0; value < 1024; ++value) histogram.record(value);
  for (int64_t value = 0; value < 1024; ++value) {
    EXPECT_EQ(histogram.percentile(100.0 * static_cast<double>(value + 1) / 1024), value);
  }
}

TEST(Histogram, PercentilesStayWithinTheStatedError) {
  for (const uint64_t seed : {1, 2, 3}) {
    std::vector<int64_t> values = log_uniform(seed, 20'000, 1e15);
    Histogram histogram;
    for (const int64_t value : values) histogram.record(value);
    std::sort(values.begin(), values.end());
    for (const double percent : {0.0, 0.1, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
      const auto exact = static_cast<double>(exact_percentile(values, percent));
      EXPECT_NEAR(static_cast<double>(histogram.percentile(percent)), exact, exact * kShareMax)
          << percent << " % of seed " << seed;
    }
  }
}

TEST(Histogram, CountSumMinAndMaxAreExact) {
  const std::vector<int64_t> values = log_uniform(4, 1000, 1e12);
  Histogram histogram;
  uint64_t sum = 0;
  for (const int64_t value : values) {
    histogram.record(value);
    sum += static_cast<uint64_t>(value);
  }
  EXPECT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.sum(), sum);
  EXPECT_EQ(histogram.min(), *std::min_element(values.begin(), values.end()));
  EXPECT_EQ(histogram.max(), *std::max_element(values.begin(), values.end()));
  EXPECT_EQ(histogram.percentile(0), histogram.min());
  EXPECT_EQ(histogram.percentile(100), histogram.max());
}

TEST(Histogram, MergingIsRecordingBoth) {
  Histogram low, high, both;
  for (const int64_t value : log_uniform(5, 500, 1e6)) low.record(value), both.record(value);
  for (const int64_t value : log_uniform(6, 700, 1e14)) high.record(value), both.record(value);
  for (const bool low_first : {true, false}) {
    Histogram merged = low_first ? low : high;
    merged.merge(low_first ? high : low);
    merged.merge(Histogram());
    EXPECT_EQ(merged.count(), both.count());
    EXPECT_EQ(merged.sum(), both.sum());
    EXPECT_EQ(merged.min(), both.min());
    EXPECT_EQ(merged.max(), both.max());
    for (int percent = 0; percent <= 100; ++percent) {
      EXPECT_EQ(merged.percentile(percent), both.percentile(percent));
    }
  }
}

TEST(Histogram, BucketsCoverEverySample) {
  const std::vector<int64_t> values = log_uniform(7, 2000, 1e13);
  Histogram histogram;
  for (const int64_t value : values) histogram.record(value);
  uint64_t count = 0;
  int64_t last = -1;
  for (const Histogram::Bucket& bucket : histogram.buckets()) {
    EXPECT_GT(bucket.low, last);
    last = bucket.high;
    count += bucket.count;
    EXPECT_EQ(static_cast<uint64_t>(std::count_if(
                  values.begin(), values.end(),
                  [&](int64_t value) { return value >= bucket.low && value <= bucket.high; })),
              bucket.count);
  }
  EXPECT_EQ(count, values.size());
}

TEST(Histogram, TakesTheWholeRange) {
  Histogram histogram;
  histogram.record(std::numeric_limits<int64_t>::max());
  histogram.record(-5);
  histogram.record(1, 3);
  histogram.record(1, 0);
  EXPECT_EQ(histogram.count(), 5U);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.percentile(50), 1);
  EXPECT_EQ(histogram.max(), std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace llmd::bench
