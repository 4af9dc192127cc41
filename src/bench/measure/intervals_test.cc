// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/intervals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "base/random.h"

namespace llmd::bench {
namespace {

/// A standard normal number (Box and Muller).
double normal(Random& random) {
  return std::sqrt(-2 * std::log1p(-random.next_unit())) *
         std::cos(2 * std::numbers::pi * random.next_unit());
}

/// The share of `trials` experiments whose interval holds `truth`.
template <typename Experiment>
double coverage(double truth, int trials, Experiment experiment) {
  int held = 0;
  Random random(1);
  for (int i = 0; i < trials; ++i) {
    const Interval interval = experiment(random);
    held += interval.low <= truth && truth <= interval.high ? 1 : 0;
  }
  return static_cast<double>(held) / trials;
}

TEST(StudentT, AgreesWithThePrintedTable) {
  // Abramowitz and Stegun, table 26.10.
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.706, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 2), 4.303, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 4), 2.776, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 9), 2.262, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 30), 2.042, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.995, 9), 3.250, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.95, 120), 1.658, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.975, 1e7), 1.960, 5e-4);
}

TEST(StudentT, IsSymmetricAndHasClosedFormsForOneAndTwo) {
  EXPECT_NEAR(student_t_quantile(0.5, 7), 0, 1e-12);
  for (const double p : {0.6, 0.9, 0.999}) {
    EXPECT_DOUBLE_EQ(student_t_quantile(1 - p, 5), -student_t_quantile(p, 5));
    EXPECT_NEAR(student_t_quantile(p, 1), std::tan(std::numbers::pi * (p - 0.5)), 1e-7 / (1 - p));
    const double alpha = 4 * p * (1 - p);
    EXPECT_NEAR(student_t_quantile(p, 2), 2 * (p - 0.5) * std::sqrt(2 / alpha), 1e-6 / (1 - p));
  }
}

TEST(MeanInterval, IsTheTextbookOne) {
  const Interval interval = mean_interval(std::vector<double>{4, 6, 8});
  EXPECT_DOUBLE_EQ(interval.estimate, 6);
  EXPECT_NEAR(interval.high - 6, 4.3027 * 2 / std::sqrt(3), 1e-4);
  EXPECT_NEAR(6 - interval.low, interval.high - 6, 1e-12);
  EXPECT_TRUE(interval.known);
}

TEST(MeanInterval, OfOneValueSaysThatItIsUnknown) {
  const Interval interval = mean_interval(std::vector<double>{4});
  EXPECT_FALSE(interval.known);
  EXPECT_EQ(interval.low, 4);
  EXPECT_EQ(interval.high, 4);
}

TEST(MeanInterval, HoldsTheTruthAsOftenAsItPromises) {
  for (const size_t repeats : {3, 10, 30}) {
    const double share = coverage(5, 4000, [&](Random& random) {
      std::vector<double> values(repeats);
      for (double& value : values) value = 5 + 2 * normal(random);
      return mean_interval(values);
    });
    EXPECT_NEAR(share, kConfidence, 0.012) << repeats << " repeats";  // 3.5 standard errors
  }
}

TEST(RatioInterval, HoldsTheTruthUnderNoiseThatBothShare) {
  for (const size_t repeats : {3, 10}) {
    const double share = coverage(1.3, 4000, [&](Random& random) {
      std::vector<double> values(repeats), base(repeats);
      for (size_t i = 0; i < repeats; ++i) {
        const double machine = std::exp(normal(random));  // moves both by a factor of e
        base[i] = machine * std::exp(0.05 * normal(random));
        values[i] = 1.3 * machine * std::exp(0.05 * normal(random));
      }
      return ratio_interval(values, base);
    });
    EXPECT_NEAR(share, kConfidence, 0.012) << repeats << " repeats";
  }
}

TEST(RatioInterval, PairingCancelsWhatMovedBoth) {
  const std::vector<double> base{1, 10, 100, 1000};
  const Interval interval = ratio_interval(std::vector<double>{2.0, 20.2, 198, 2000}, base);
  EXPECT_NEAR(interval.estimate, 2, 0.02);
  EXPECT_GT(interval.low, 1.9);
  EXPECT_LT(interval.high, 2.1);
}

TEST(RatioInterval, SurvivesZeros) {
  std::vector<double> values{0, 3, 4, 5, 4, 3, 4, 5, 4, 3}, base{2, 2, 0, 2, 2, 2, 2, 2, 2, 2};
  const Interval interval = ratio_interval(values, base);
  EXPECT_DOUBLE_EQ(interval.estimate, 35.0 / 18);
  EXPECT_LT(interval.low, interval.estimate);
  EXPECT_GT(interval.high, interval.estimate);
  EXPECT_EQ(ratio_interval(values, base).low, interval.low);  // the seed is fixed
}

TEST(RatioInterval, TheBootstrapHoldsTheTruthForManyPairs) {
  const double share = coverage(2, 800, [](Random& random) {
    std::vector<double> values(40), base(40);
    for (size_t i = 0; i < 40; ++i) {
      base[i] = random.next_unit() < 0.2 ? 0 : 1 + 0.2 * normal(random);
      values[i] = random.next_unit() < 0.2 ? 0 : 2 + 0.4 * normal(random);
    }
    return ratio_interval(values, base);
  });
  EXPECT_NEAR(share, kConfidence, 0.03);  // percentile bootstraps fall a little short
}

TEST(RatioInterval, OfNothingByNothingIsOne) {
  const std::vector<double> zeros{0, 0}, ones{1, 1};
  EXPECT_EQ(ratio_interval(zeros, zeros).estimate, 1);
  EXPECT_FALSE(ratio_interval(zeros, zeros).known);
  EXPECT_TRUE(std::isinf(ratio_interval(ones, zeros).estimate));
  EXPECT_EQ(ratio_interval(zeros, ones).estimate, 0);
}

}  // namespace
}  // namespace llmd::bench
