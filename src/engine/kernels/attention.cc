// SPDX-License-Identifier: Apache-2.0
// Attention in two passes: all scores of a query, their softmax, then the weighted sum of values.
// Each query's keys are taken in order of position, so neither blocks nor companions change a bit.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/attention.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <limits>

#include "engine/kernels/kernels.h"
#include "engine/kernels/vec16_inl.h"

HWY_BEFORE_NAMESPACE();
namespace llmd::engine::kernels::HWY_NAMESPACE {

constexpr size_t kKeysPerTile = 4;
constexpr size_t kValueVectors = kParts == 1 ? 4 : 2;

template <class T>
const T* block_rows(const std::byte* base, const KvView& kv, size_t block) {
  return reinterpret_cast<const T*>(base + kv.table[block] * kv.block_stride);
}

/// scores[m][j] for the keys [0, count) of one block. The last tile repeats the last key; what it
/// stores beyond is overwritten by the next block or masked by the softmax.
template <size_t M, class T>
HWY_INLINE void score_block(const float* const* q, const T* keys, size_t count, size_t dim,
                            float scale, float* scores, size_t stride) {
  const Quad quad;
  for (size_t j = 0; j < count; j += kKeysPerTile) {
    const T* k[kKeysPerTile];
    for (size_t n = 0; n < kKeysPerTile; ++n) k[n] = keys + std::min(j + n, count - 1) * dim;
    Vec16 acc[M][kKeysPerTile];
    clear(acc);
    accumulate(q, k, dim, 0, acc);
    hn::Vec<Quad> sums[M];
    sum_rows(acc, sums);
    for (size_t m = 0; m < M; ++m) {
      hn::StoreU(hn::Mul(sums[m], hn::Set(quad, scale)), quad, scores + m * stride + j);
    }
  }
}

template <size_t M, class T>
HWY_NOINLINE void score(const KvView& kv, const float* const* q, size_t length, float scale,
                        float* scores, size_t stride) {
  for (size_t j = 0; j < length; j += kv.block_size) {
    const T* keys = block_rows<T>(kv.keys, kv, j / kv.block_size);
    const size_t count = std::min<size_t>(kv.block_size, length - j);
    score_block<M>(q, keys, count, kv.dim, scale, scores + j, stride);
  }
}

/// Turns scores[0, length) into exp(score - max); returns 1 / their sum.
float soften(float* scores, size_t length) {
  const size_t padded = (length + kVectorFloats - 1) / kVectorFloats * kVectorFloats;
  std::fill(scores + length, scores + padded, -std::numeric_limits<float>::infinity());
  Vec16 most = load16(scores);
  for (size_t i = kVectorFloats; i < padded; i += kVectorFloats) {
    most = max16(most, load16(scores + i));
  }
  HWY_ALIGN float lanes[kVectorFloats];
  store16(most, lanes);
  const Vec16 shift = splat(-*std::max_element(lanes, lanes + kVectorFloats));
  Vec16 sum = splat(0.0F);
  for (size_t i = 0; i < padded; i += kVectorFloats) {
    const Vec16 e = exp16(load16(scores + i) + shift);
    store16(e, scores + i);
    sum = sum + e;
  }
  return 1.0F / sum1(sum);
}

/// out[m][d…] += sum over j in [begin, end) of weight[m][j] * value[j][d…], N vectors wide.
template <size_t M, size_t N, class T>
HWY_INLINE void weigh(const KvView& kv, const float* weights, size_t stride, size_t begin,
                      size_t end, size_t d, float* const* out) {
  Vec16 acc[M][N];
  for (size_t m = 0; m < M; ++m) {
    for (size_t n = 0; n < N; ++n) acc[m][n] = load16(out[m] + d + n * kVectorFloats);
  }
  for (size_t j = begin; j < end;) {
    const size_t block = j / kv.block_size;
    const size_t stop = std::min<size_t>(end, (block + 1) * kv.block_size);
    const T* row = block_rows<T>(kv.values, kv, block) + (j - block * kv.block_size) * kv.dim + d;
    for (; j < stop; ++j, row += kv.dim) {
      Vec16 value[N];
      HWY_UNROLL(4)
      for (size_t n = 0; n < N; ++n) value[n] = load16(row + n * kVectorFloats);
      HWY_UNROLL(8)
      for (size_t m = 0; m < M; ++m) {
        const Vec16 weight = splat(weights[m * stride + j]);
        HWY_UNROLL(4)
        for (size_t n = 0; n < N; ++n) acc[m][n] = mul_add(weight, value[n], acc[m][n]);
      }
    }
  }
  for (size_t m = 0; m < M; ++m) {
    for (size_t n = 0; n < N; ++n) store16(acc[m][n], out[m] + d + n * kVectorFloats);
  }
}

template <size_t M, class T>
HWY_NOINLINE void weigh_all(const KvView& kv, const float* weights, size_t stride, size_t begin,
                            size_t end, float* const* out) {
  constexpr size_t kWide = kValueVectors * kVectorFloats;
  size_t d = 0;
  for (; d + kWide <= kv.dim; d += kWide) {
    weigh<M, kValueVectors, T>(kv, weights, stride, begin, end, d, out);
  }
  for (; d < kv.dim; d += kVectorFloats) {
    weigh<M, 1, T>(kv, weights, stride, begin, end, d, out);
  }
}

/// M queries from `first` on. They share the keys that all of them see; the rest is each one's own.
template <size_t M, class T>
void attend_tile(const KvView& kv, const AttentionBatch& batch, size_t first, float scale,
                 float* scores, size_t stride) {
  const uint32_t* length = batch.length + first;
  float* const* out = batch.out + first;
  score<M, T>(kv, batch.query + first, length[M - 1], scale, scores, stride);
  float inverse[M];
  for (size_t m = 0; m < M; ++m) {
    inverse[m] = soften(scores + m * stride, length[m]);
    std::fill(out[m], out[m] + kv.dim, 0.0F);
  }
  weigh_all<M, T>(kv, scores, stride, 0, length[0], out);
  for (size_t m = 0; m < M; ++m) {
    if (length[m] > length[0]) {
      weigh_all<1, T>(kv, scores + m * stride, stride, length[0], length[m], out + m);
    }
    const Vec16 by = splat(inverse[m]);
    for (size_t d = 0; d < kv.dim; d += kVectorFloats) {
      store16(load16(out[m] + d) * by, out[m] + d);
    }
  }
}

template <class T>
void attend_typed(const KvView& kv, const AttentionBatch& batch, float scale, float* scores,
                  size_t stride) {
  const size_t tiles = (batch.count + kTileRows - 1) / kTileRows;
  size_t first = 0;
  for (size_t t = 0; t < tiles; ++t) {
    const size_t next = batch.count * (t + 1) / tiles;
    switch (next - first) {
      case 1:
        attend_tile<1, T>(kv, batch, first, scale, scores, stride);
        break;
      case 2:
        attend_tile<2, T>(kv, batch, first, scale, scores, stride);
        break;
      default:
        if constexpr (kTileRows > 2) {
          switch (next - first) {
            case 3:
              attend_tile<3, T>(kv, batch, first, scale, scores, stride);
              break;
            case 4:
              attend_tile<4, T>(kv, batch, first, scale, scores, stride);
              break;
            case 5:
              attend_tile<5, T>(kv, batch, first, scale, scores, stride);
              break;
            default:
              attend_tile<6, T>(kv, batch, first, scale, scores, stride);
              break;
          }
        }
    }
    first = next;
  }
}

void attend_target(const KvView& kv, const AttentionBatch& batch, float scale, float* scores,
                   size_t stride) {
  if (kv.bf16) return attend_typed<hwy::bfloat16_t>(kv, batch, scale, scores, stride);
  attend_typed<float>(kv, batch, scale, scores, stride);
}

}  // namespace llmd::engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace llmd::engine::kernels {
HWY_EXPORT(attend_target);

size_t attention_stride(size_t length) {
  // Room for the last tile of keys and the softmax's last vector to run over.
  return (length + 2 * kVectorFloats - 1) / kVectorFloats * kVectorFloats;
}

void attend(const KvView& kv, const AttentionBatch& batch, float scale, float* scores,
            size_t stride) {
  HWY_DYNAMIC_DISPATCH(attend_target)(kv, batch, scale, scores, stride);
}
}  // namespace llmd::engine::kernels
#endif
