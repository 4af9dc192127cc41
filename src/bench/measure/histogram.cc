// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace llmd::bench {
namespace {

constexpr unsigned kHalfBits = 9;
constexpr size_t kHalf = size_t{1} << kHalfBits;  // buckets per power of two

/// Values below 2 * kHalf are their own index. Above, a value keeps its highest kHalfBits + 1 bits,
/// and every further bit that it is long moves it on by kHalf.
size_t index_of(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  const auto width = static_cast<unsigned>(std::bit_width(bits));
  const unsigned shift = width > kHalfBits + 1 ? width - kHalfBits - 1 : 0;
  return static_cast<size_t>(bits >> shift) + shift * kHalf;
}

unsigned shift_of(size_t index) {
  return index < 2 * kHalf ? 0 : static_cast<unsigned>(index / kHalf - 1);
}

int64_t low_of(size_t index) {
  const unsigned shift = shift_of(index);
  return static_cast<int64_t>(static_cast<uint64_t>(index - shift * kHalf) << shift);
}

int64_t high_of(size_t index) {
  return low_of(index) + static_cast<int64_t>((uint64_t{1} << shift_of(index)) - 1);
}

}  // namespace

uint64_t& Histogram::counter(size_t index) {
  if (counts_.empty()) first_ = index;
  if (index < first_) {
    counts_.insert(counts_.begin(), first_ - index, 0);
    first_ = index;
  }
  if (index - first_ >= counts_.size()) counts_.resize(index - first_ + 1);
  return counts_[index - first_];
}

void Histogram::record(int64_t value, uint64_t times) {
  if (times == 0) return;
  value = std::max<int64_t>(value, 0);
  counter(index_of(value)) += times;
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = std::max(max_, value);
  count_ += times;
  sum_ += static_cast<uint64_t>(value) * times;
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  counter(other.first_);
  counter(other.first_ + other.counts_.size() - 1);
  const size_t offset = other.first_ - first_;
  for (size_t i = 0; i < other.counts_.size(); ++i) counts_[offset + i] += other.counts_[i];
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  sum_ += other.sum_;
}

double Histogram::mean() const {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

int64_t Histogram::representative(size_t index) const {
  const int64_t low = low_of(index);
  return std::clamp(low + (high_of(index) - low) / 2, min_, max_);
}

int64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  const double rank = std::ceil(percent / 100.0 * static_cast<double>(count_));
  const auto wanted = static_cast<uint64_t>(std::clamp(rank, 1.0, static_cast<double>(count_)));
  if (wanted == 1) return min_;
  if (wanted == count_) return max_;
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return representative(first_ + i);
  }
  return max_;
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> out;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] > 0) out.push_back({low_of(first_ + i), high_of(first_ + i), counts_[i]});
  }
  return out;
}

}  // namespace llmd::bench
