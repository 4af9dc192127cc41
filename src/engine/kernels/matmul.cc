// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/matmul.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "engine/kernels/kernels.h"
#include "engine/kernels/vec16_inl.h"

HWY_BEFORE_NAMESPACE();
namespace llmd::engine::kernels::HWY_NAMESPACE {

constexpr size_t kTileCols = 4;
/// Up to this many rows, weights are converted in registers; beyond, once into a panel.
constexpr size_t kDirectRows = kTileRows < 4 ? kTileRows : 4;
/// Floats of the converted panel: it stays in the second-level cache while rows pass over it.
constexpr size_t kPanelFloats = 48 * 1024;

size_t panel_rows(size_t cols) {
  return std::max(kTileCols, kPanelFloats / cols / kTileCols * kTileCols);
}

/// A job with the weights' element type known. `w` may be a panel of the matrix.
template <class W>
struct Tile {
  const float* x;
  size_t x_stride;
  const W* w;
  size_t cols;
  size_t groups;
  float* y;
  size_t y_stride;
  bool add;
};

/// Adds the groups' sums pairwise: (0, 1), (2, 3), … then pairs of pairs.
template <size_t M>
HWY_INLINE void fold_groups(hn::Vec<Quad> (*sums)[M], size_t groups) {
  for (size_t step = 1; step < groups; step *= 2) {
    for (size_t g = 0; g < groups; g += 2 * step) {
      for (size_t m = 0; m < M; ++m) sums[g][m] = hn::Add(sums[g][m], sums[g + step][m]);
    }
  }
}

template <size_t M>
HWY_INLINE void store_tile(const hn::Vec<Quad>* sums, float* y, size_t stride, bool add,
                           size_t width) {
  const Quad quad;
  for (size_t m = 0; m < M; ++m) {
    float* out = y + m * stride;
    if (width == kTileCols) {
      hn::StoreU(add ? hn::Add(hn::LoadU(quad, out), sums[m]) : sums[m], quad, out);
      continue;
    }
    HWY_ALIGN float part[kTileCols];
    hn::Store(sums[m], quad, part);
    for (size_t n = 0; n < width; ++n) out[n] = add ? out[n] + part[n] : part[n];
  }
}

/// M rows of x against four rows of w. The last tile of a matrix repeats its last row to fill up.
template <size_t M, class W>
HWY_INLINE void tile(const Tile<W>& job, size_t m0, size_t n0, size_t n_end) {
  const size_t width = std::min(kTileCols, n_end - n0);
  const size_t run = job.cols / job.groups;
  hn::Vec<Quad> sums[kGroupsMax][M];
  for (size_t g = 0; g < job.groups; ++g) {
    const float* x[M];
    const W* w[kTileCols];
    for (size_t m = 0; m < M; ++m) x[m] = job.x + (m0 + m) * job.x_stride + g * run;
    for (size_t n = 0; n < kTileCols; ++n) {
      w[n] = job.w + (n0 + std::min(n, width - 1)) * job.cols + g * run;
    }
    Vec16 acc[M][kTileCols];
    clear(acc);
    accumulate(x, w, run, kTileCols * job.cols, acc);
    sum_rows(acc, sums[g]);
  }
  fold_groups<M>(sums, job.groups);
  store_tile<M>(sums[0], job.y + m0 * job.y_stride + n0, job.y_stride, job.add, width);
}

template <size_t M, class W>
HWY_NOINLINE void tile_row(const Tile<W>& job, size_t m0, size_t n0, size_t n_end) {
  for (size_t n = n0; n < n_end; n += kTileCols) tile<M>(job, m0, n, n_end);
}

template <class W>
void dispatch_rows(const Tile<W>& job, size_t m0, size_t count, size_t n0, size_t n_end) {
  switch (count) {
    case 1:
      return tile_row<1>(job, m0, n0, n_end);
    case 2:
      return tile_row<2>(job, m0, n0, n_end);
    default:
      break;
  }
  if constexpr (kTileRows > 2) {
    switch (count) {
      case 3:
        return tile_row<3>(job, m0, n0, n_end);
      case 4:
        return tile_row<4>(job, m0, n0, n_end);
      case 5:
        return tile_row<5>(job, m0, n0, n_end);
      default:
        return tile_row<6>(job, m0, n0, n_end);
    }
  }
}

/// All rows of x, in tiles of nearly equal height.
template <class W>
void all_rows(const Tile<W>& job, size_t rows, size_t n0, size_t n_end) {
  const size_t tiles = (rows + kTileRows - 1) / kTileRows;
  size_t m = 0;
  for (size_t t = 0; t < tiles; ++t) {
    const size_t next = rows * (t + 1) / tiles;
    dispatch_rows(job, m, next - m, n0, n_end);
    m = next;
  }
}

template <class W>
void convert(const W* from, size_t count, float* to) {
  for (size_t i = 0; i < count; i += kVectorFloats) store16(load16(from + i), to + i);
}

template <class W>
void matmul_typed(const Weights& weights, Rows x, Rows y, bool add, size_t begin, size_t end,
                  float* scratch) {
  const W* w = reinterpret_cast<const W*>(weights.data);
  const size_t cols = weights.cols;
  if (x.rows <= kDirectRows || sizeof(W) == sizeof(float)) {
    const Tile<W> job{x.data, x.stride, w, cols, weights.groups, y.data, y.stride, add};
    const size_t step = x.rows <= kDirectRows ? end - begin : panel_rows(cols);
    for (size_t n = begin; n < end; n += step) all_rows(job, x.rows, n, std::min(n + step, end));
    return;
  }
  const size_t step = panel_rows(cols);
  for (size_t n = begin; n < end; n += step) {
    const size_t count = std::min(step, end - n);
    convert(w + n * cols, count * cols, scratch);
    const Tile<float> job{x.data,         x.stride,   scratch,  cols,
                          weights.groups, y.data + n, y.stride, add};
    all_rows(job, x.rows, 0, count);
  }
}

void matmul_target(const Weights& w, Rows x, Rows y, bool add, uint32_t begin, uint32_t end,
                   float* scratch) {
  switch (w.dtype) {
    case Dtype::kF32:
      return matmul_typed<float>(w, x, y, add, begin, end, scratch);
    case Dtype::kBf16:
      return matmul_typed<hwy::bfloat16_t>(w, x, y, add, begin, end, scratch);
    case Dtype::kF16:
      return matmul_typed<hwy::float16_t>(w, x, y, add, begin, end, scratch);
  }
}

size_t scratch_target(uint32_t cols) { return panel_rows(cols) * cols; }

template <class W>
void copy_row_typed(const Weights& w, uint32_t index, float* out) {
  convert(reinterpret_cast<const W*>(w.data) + size_t{index} * w.cols, w.cols, out);
}

void copy_row_target(const Weights& w, uint32_t index, float* out) {
  switch (w.dtype) {
    case Dtype::kF32:
      return copy_row_typed<float>(w, index, out);
    case Dtype::kBf16:
      return copy_row_typed<hwy::bfloat16_t>(w, index, out);
    case Dtype::kF16:
      return copy_row_typed<hwy::float16_t>(w, index, out);
  }
}

}  // namespace llmd::engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace llmd::engine::kernels {
HWY_EXPORT(matmul_target);
HWY_EXPORT(scratch_target);
HWY_EXPORT(copy_row_target);

void matmul(const Weights& w, Rows x, Rows y, bool add, uint32_t begin, uint32_t end,
            float* scratch) {
  HWY_DYNAMIC_DISPATCH(matmul_target)(w, x, y, add, begin, end, scratch);
}

size_t matmul_scratch_floats(uint32_t cols) { return HWY_DYNAMIC_DISPATCH(scratch_target)(cols); }

void copy_row(const Weights& w, uint32_t index, float* out) {
  HWY_DYNAMIC_DISPATCH(copy_row_target)(w, index, out);
}
}  // namespace llmd::engine::kernels
#endif
