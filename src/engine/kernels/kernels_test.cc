// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/kernels.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "base/random.h"

namespace llmd::engine::kernels {
namespace {

std::vector<float> random_floats(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> out(count);
  for (float& v : out) v = static_cast<float>(random.next_unit() * 2 - 1);
  return out;
}

/// A matrix of any type with the values it holds.
struct Matrix {
  std::vector<std::byte> bytes;
  std::vector<float> values;
  Weights weights;
};

Matrix make_matrix(Dtype dtype, uint32_t rows, uint32_t cols, uint32_t groups) {
  Matrix m;
  m.values = random_floats(size_t{rows} * cols, 7);
  std::vector<uint16_t> half(m.values.size());
  to_bf16(m.values.data(), m.values.size(), half.data());
  if (dtype == Dtype::kF16) {
    // Halves of the form ±(1 + fraction / 1024) / 2, from the bf16's bits: any pattern will do.
    for (uint16_t& v : half) v = static_cast<uint16_t>((v & 0x83ff) | 0x3800);
  }
  const void* from = dtype == Dtype::kF32 ? static_cast<const void*>(m.values.data()) : half.data();
  m.bytes.resize(m.values.size() * dtype_bytes(dtype));
  std::memcpy(m.bytes.data(), from, m.bytes.size());
  for (size_t i = 0; i < m.values.size() && dtype != Dtype::kF32; ++i) {
    const auto bits = uint32_t{half[i]} << 16;
    if (dtype == Dtype::kBf16) std::memcpy(&m.values[i], &bits, sizeof(float));
    if (dtype == Dtype::kF16) {
      const float size = 0.5F * (1 + static_cast<float>(half[i] & 0x3ff) / 1024);
      m.values[i] = (half[i] & 0x8000) != 0 ? -size : size;
    }
  }
  m.weights = {m.bytes.data(), dtype, rows, cols, groups};
  return m;
}

std::vector<float> product(const Weights& w, std::vector<float> x, uint32_t rows) {
  std::vector<float> y(size_t{rows} * w.rows, -1.0F);
  std::vector<float> scratch(matmul_scratch_floats(w.cols));
  matmul(w, {x.data(), w.cols, rows}, {y.data(), w.rows, rows}, false, 0, w.rows, scratch.data());
  return y;
}

class MatmulTest : public testing::TestWithParam<Dtype> {};

TEST_P(MatmulTest, AgreesWithDoublePrecision) {
  const Matrix m = make_matrix(GetParam(), 37, 192, 4);
  const uint32_t rows = 9;
  const auto x = random_floats(size_t{rows} * 192, 3);
  const auto y = product(m.weights, x, rows);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t n = 0; n < 37; ++n) {
      const double expected =
          std::inner_product(&x[r * 192], &x[r * 192] + 192, &m.values[n * 192], 0.0);
      ASSERT_NEAR(y[r * 37 + n], expected, 2e-5) << r << ' ' << n;
    }
  }
}

TEST_P(MatmulTest, RowsDoNotDependOnTheirNumber) {
  const Matrix m = make_matrix(GetParam(), 70, 256, 2);
  const uint32_t most = 256;
  const auto x = random_floats(size_t{most} * 256, 5);
  const auto all = product(m.weights, x, most);
  for (const uint32_t rows : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 13U, 64U, 255U}) {
    const auto some = product(m.weights, {x.begin(), x.begin() + rows * 256}, rows);
    ASSERT_EQ(0, std::memcmp(some.data(), all.data(), some.size() * sizeof(float))) << rows;
  }
}

TEST_P(MatmulTest, OutputsDoNotDependOnTheRange) {
  const Matrix m = make_matrix(GetParam(), 70, 256, 1);
  auto x = random_floats(size_t{9} * 256, 5);
  const auto all = product(m.weights, x, 9);
  std::vector<float> pieces(all.size());
  std::vector<float> scratch(matmul_scratch_floats(256));
  for (const auto& [begin, end] : {std::pair{0U, 3U}, std::pair{3U, 17U}, std::pair{17U, 70U}}) {
    matmul(m.weights, {x.data(), 256, 9}, {pieces.data(), 70, 9}, false, begin, end,
           scratch.data());
  }
  EXPECT_EQ(pieces, all);
}

TEST_P(MatmulTest, VectorExtensionsWithFusedProductsGiveTheSameBits) {
  const int64_t supported = hwy::SupportedTargets();
  if ((supported & HWY_AVX2) == 0 || (supported & HWY_AVX3) == 0) GTEST_SKIP() << "one target only";
  const Matrix m = make_matrix(GetParam(), 21, 320, 4);
  const auto x = random_floats(size_t{7} * 320, 5);
  const auto widest = product(m.weights, x, 7);
  hwy::SetSupportedTargetsForTest(HWY_AVX2);
  const auto narrower = product(m.weights, x, 7);
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_EQ(widest, narrower);
}

INSTANTIATE_TEST_SUITE_P(Types, MatmulTest,
                         testing::Values(Dtype::kF32, Dtype::kBf16, Dtype::kF16));

TEST(MatmulTest, HalfOfTheGroupsIsASubtree) {
  const Matrix whole = make_matrix(Dtype::kF32, 8, 256, 4);
  auto x = random_floats(256, 5);
  const auto expected = product(whole.weights, x, 1);
  std::vector<float> sum(8);
  for (uint32_t rank = 0; rank < 2; ++rank) {
    std::vector<float> half;
    for (size_t n = 0; n < 8; ++n) {
      const auto row = whole.values.begin() + static_cast<std::ptrdiff_t>(n * 256 + rank * 128);
      half.insert(half.end(), row, row + 128);
    }
    const Weights part{reinterpret_cast<const std::byte*>(half.data()), Dtype::kF32, 8, 128, 2};
    const auto y = product(part, {x.begin() + rank * 128, x.begin() + (rank + 1) * 128}, 1);
    for (size_t n = 0; n < 8; ++n) sum[n] += y[n];
  }
  EXPECT_EQ(sum, expected);
}

TEST(ElementwiseTest, ExponentialIsAccurate) {
  std::vector<float> x(4096);
  for (size_t i = 0; i < x.size(); ++i) x[i] = -80.0F + 160.0F * static_cast<float>(i) / 4096;
  auto y = x;
  exponential(y.data(), y.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(static_cast<double>(x[i]));
    ASSERT_NEAR(y[i] / expected, 1.0, 3e-7) << x[i];
  }
  std::vector<float> far(16, -INFINITY);
  exponential(far.data(), far.size());
  EXPECT_EQ(far, std::vector<float>(16, 0.0F));
}

TEST(ElementwiseTest, NormAgreesWithDoublePrecision) {
  const auto x = random_floats(576, 1);
  const auto weight = random_floats(576, 2);
  std::vector<float> y(576);
  rms_norm(x.data(), weight.data(), 1e-5F, 576, y.data());
  const double mean = std::inner_product(x.begin(), x.end(), x.begin(), 0.0) / 576;
  for (size_t i = 0; i < 576; ++i) {
    ASSERT_NEAR(y[i], x[i] * weight[i] / std::sqrt(mean + 1e-5), 1e-6);
  }
}

TEST(ElementwiseTest, Bf16RoundsToNearestEven) {
  const std::vector<float> x{1.0F, 1.00390625F, 1.01171875F, NAN, INFINITY};
  std::vector<uint16_t> y(x.size());
  to_bf16(x.data(), x.size(), y.data());
  EXPECT_EQ(y[0], 0x3f80);
  EXPECT_EQ(y[1], 0x3f80);  // halfway: to the even one below
  EXPECT_EQ(y[2], 0x3f82);  // halfway: to the even one above
  EXPECT_EQ(y[3] & 0x7fc0, 0x7fc0);
  EXPECT_EQ(y[4], 0x7f80);
}

/// A sequence's keys and values in blocks that lie anywhere.
struct Cache {
  Cache(uint32_t length, uint32_t block_size, uint32_t dim, bool reversed)
      : keys(random_floats(size_t{length} * dim, 11)),
        values(random_floats(size_t{length} * dim, 12)) {
    const uint32_t blocks = (length + block_size - 1) / block_size;
    table.resize(blocks);
    std::iota(table.begin(), table.end(), 0U);
    if (reversed) std::reverse(table.begin(), table.end());
    const size_t plane = size_t{block_size} * dim;
    pool.assign(blocks * 2 * plane, NAN);
    for (size_t t = 0; t < length; ++t) {
      float* block = &pool[table[t / block_size] * 2 * plane];
      std::copy_n(&keys[t * dim], dim, block + t % block_size * dim);
      std::copy_n(&values[t * dim], dim, block + plane + t % block_size * dim);
    }
    view = {.keys = reinterpret_cast<const std::byte*>(pool.data()),
            .values = reinterpret_cast<const std::byte*>(pool.data() + plane),
            .block_stride = 2 * plane * sizeof(float),
            .table = table.data(),
            .block_size = block_size,
            .dim = dim};
  }
  std::vector<float> keys, values, pool;
  std::vector<uint32_t> table;
  KvView view;
};

std::vector<float> attend_rows(const Cache& cache, const std::vector<float>& queries,
                               uint32_t first_length, uint32_t first, uint32_t count) {
  const uint32_t dim = cache.view.dim;
  std::vector<float> out(size_t{count} * dim);
  AttentionBatch batch;
  for (uint32_t i = 0; i < count; ++i) {
    batch.query[i] = &queries[size_t{first + i} * dim];
    batch.out[i] = &out[size_t{i} * dim];
    batch.length[i] = first_length + first + i;
  }
  batch.count = count;
  const size_t stride = attention_stride(first_length + first + count);
  std::vector<float> scores(kAttentionRows * stride);
  attend(cache.view, batch, 0.25F, scores.data(), stride);
  return out;
}

TEST(AttentionTest, AgreesWithDoublePrecision) {
  const uint32_t dim = 48;
  const Cache cache(45, 16, dim, true);
  const auto q = random_floats(dim, 3);
  const auto out = attend_rows(cache, q, 45, 0, 1);
  std::vector<double> p(45);
  for (size_t j = 0; j < 45; ++j) {
    p[j] = std::exp(0.25 * std::inner_product(q.begin(), q.end(), &cache.keys[j * dim], 0.0));
  }
  const double total = std::accumulate(p.begin(), p.end(), 0.0);
  for (size_t d = 0; d < dim; ++d) {
    double expected = 0;
    for (size_t j = 0; j < 45; ++j) expected += p[j] / total * cache.values[j * dim + d];
    ASSERT_NEAR(out[d], expected, 2e-6);
  }
}

TEST(AttentionTest, NeitherCompanionsNorBlocksChangeABit) {
  const uint32_t dim = 64;
  const auto queries = random_floats(size_t{kAttentionRows} * dim, 3);
  const Cache cache(40 + kAttentionRows, 16, dim, false);
  const auto together = attend_rows(cache, queries, 40, 0, kAttentionRows);
  for (const uint32_t block_size : {2U, 8U, 16U, 64U}) {
    const Cache other(40 + kAttentionRows, block_size, dim, true);
    for (uint32_t i = 0; i < kAttentionRows; ++i) {
      const auto alone = attend_rows(other, queries, 40, i, 1);
      ASSERT_EQ(0, std::memcmp(alone.data(), &together[size_t{i} * dim], dim * sizeof(float)));
    }
  }
}

}  // namespace
}  // namespace llmd::engine::kernels
