// SPDX-License-Identifier: Apache-2.0
// A histogram of everything recorded, in the manner of HdrHistogram: log-linear buckets, so that a
// percentile is right within a stated share of its value, whatever that value is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace llmd::bench {

/// Non-negative integers (nanoseconds, tokens) up to 2^63 - 1. Values below 1,024 have a bucket
/// each; above, every power of two is split into 512 buckets. count, sum, min and max are exact;
/// a percentile differs from the sample it stands for by at most 1/1,024 (0.1 %) of it. Takes about
/// 50 KB for samples that spread over a factor of 10,000. One thread at a time.
class Histogram {
 public:
  /// `value` < 0 counts as 0.
  void record(int64_t value, uint64_t times = 1);
  /// As if every sample of `other` had been recorded here.
  void merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  int64_t min() const { return min_; }  ///< 0 when empty, like the rest
  int64_t max() const { return max_; }
  double mean() const;

  /// The smallest sample that is not below `percent` % of all samples (nearest rank, no
  /// interpolation between samples); percent in [0, 100].
  int64_t percentile(double percent) const;

  struct Bucket {
    int64_t low = 0;   ///< the smallest value that falls into it
    int64_t high = 0;  ///< the largest
    uint64_t count = 0;
  };
  /// The buckets that hold samples, in ascending order.
  std::vector<Bucket> buckets() const;

 private:
  uint64_t& counter(size_t index);
  int64_t representative(size_t index) const;

  size_t first_ = 0;              ///< the index that counts_[0] stands for
  std::vector<uint64_t> counts_;  ///< from the lowest used index to the highest
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  int64_t min_ = 0;
  int64_t max_ = 0;
};

}  // namespace llmd::bench
