// SPDX-License-Identifier: Apache-2.0
// Vec16: 16 floats in as many registers as the target needs. Included once per target by the .cc
// files, through Highway's foreach_target.
#if defined(LLMD_ENGINE_KERNELS_VEC16_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LLMD_ENGINE_KERNELS_VEC16_INL_H
#undef LLMD_ENGINE_KERNELS_VEC16_INL_H
#else
#define LLMD_ENGINE_KERNELS_VEC16_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/kernels/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace llmd::engine::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, kVectorFloats>;
using Quad = hn::CappedTag<float, 4>;
constexpr size_t kLanes = hn::MaxLanes(Lanes());
constexpr size_t kParts = kVectorFloats / kLanes;
/// Registers decide how many accumulators a tile can hold: 32 of 16 floats, or 16 of fewer.
constexpr size_t kTileRows = kParts == 1 ? 6 : 2;

struct Vec16 {
  hn::Vec<Lanes> part[kParts];
};

/// Runs f(part index) for each register.
template <class F>
HWY_INLINE Vec16 each(F f) {
  Vec16 out;
  HWY_UNROLL(4)
  for (size_t i = 0; i < kParts; ++i) out.part[i] = f(i);
  return out;
}

HWY_INLINE Vec16 splat(float x) {
  return each([x](size_t) HWY_ATTR { return hn::Set(Lanes(), x); });
}
HWY_INLINE Vec16 load16(const float* p) {
  return each([p](size_t i) HWY_ATTR { return hn::LoadU(Lanes(), p + i * kLanes); });
}
/// bf16 is the upper half of a float.
HWY_INLINE Vec16 load16(const hwy::bfloat16_t* p) {
  return each([p](size_t i) HWY_ATTR {
    const hn::RebindToUnsigned<Lanes> wide;
    const hn::Rebind<uint16_t, Lanes> narrow;
    const auto bits = hn::LoadU(narrow, reinterpret_cast<const uint16_t*>(p) + i * kLanes);
    return hn::BitCast(Lanes(), hn::ShiftLeft<16>(hn::PromoteTo(wide, bits)));
  });
}
HWY_INLINE Vec16 load16(const hwy::float16_t* p) {
  return each([p](size_t i) HWY_ATTR {
    return hn::PromoteTo(Lanes(), hn::LoadU(hn::Rebind<hwy::float16_t, Lanes>(), p + i * kLanes));
  });
}
HWY_INLINE void store16(const Vec16& v, float* p) {
  HWY_UNROLL(4)
  for (size_t i = 0; i < kParts; ++i) hn::StoreU(v.part[i], Lanes(), p + i * kLanes);
}
/// a * b + c in one rounding where the target has it.
HWY_INLINE Vec16 mul_add(const Vec16& a, const Vec16& b, const Vec16& c) {
  return each([&](size_t i) HWY_ATTR { return hn::MulAdd(a.part[i], b.part[i], c.part[i]); });
}
HWY_INLINE Vec16 operator+(const Vec16& a, const Vec16& b) {
  return each([&](size_t i) HWY_ATTR { return hn::Add(a.part[i], b.part[i]); });
}
HWY_INLINE Vec16 operator*(const Vec16& a, const Vec16& b) {
  return each([&](size_t i) HWY_ATTR { return hn::Mul(a.part[i], b.part[i]); });
}
HWY_INLINE Vec16 operator/(const Vec16& a, const Vec16& b) {
  return each([&](size_t i) HWY_ATTR { return hn::Div(a.part[i], b.part[i]); });
}
HWY_INLINE Vec16 max16(const Vec16& a, const Vec16& b) {
  return each([&](size_t i) HWY_ATTR { return hn::Max(a.part[i], b.part[i]); });
}

template <class V>
HWY_INLINE auto halves(V v) {
  const hn::DFromV<V> d;
  const hn::Half<decltype(d)> half;
  return hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v));
}

/// The first two levels of the tree: lanes (i, i+8), then (i, i+4).
template <class V = Vec16>
HWY_INLINE hn::Vec<Quad> fold4(const V& v) {
  if constexpr (kParts == 1) {
    return halves(halves(v.part[0]));
  } else if constexpr (kParts == 2) {
    return halves(hn::Add(v.part[0], v.part[1]));
  } else {
    return hn::Add(hn::Add(v.part[0], v.part[2]), hn::Add(v.part[1], v.part[3]));
  }
}

/// The sums of four vectors, by the fixed tree.
HWY_INLINE hn::Vec<Quad> sum4(const Vec16& a, const Vec16& b, const Vec16& c, const Vec16& d) {
  const Quad quad;
  const auto fa = fold4(a);
  const auto fb = fold4(b);
  const auto fc = fold4(c);
  const auto fd = fold4(d);
  const auto ab = hn::Add(hn::ConcatLowerLower(quad, fb, fa), hn::ConcatUpperUpper(quad, fb, fa));
  const auto cd = hn::Add(hn::ConcatLowerLower(quad, fd, fc), hn::ConcatUpperUpper(quad, fd, fc));
  return hn::Add(hn::ConcatEven(quad, cd, ab), hn::ConcatOdd(quad, cd, ab));
}

HWY_INLINE float sum1(const Vec16& v) { return hn::GetLane(sum4(v, v, v, v)); }

#if HWY_TARGET == HWY_AVX3
/// Four vectors folded to 4 lanes each, in one register: the same tree, a third of the shuffles.
HWY_INLINE __m512 fold4_row(const Vec16 (&v)[4]) {
  const auto pair = [](const Vec16& a, const Vec16& b) HWY_ATTR {
    const __m512 mixed = _mm512_mask_blend_ps(0xFF00, a.part[0].raw, b.part[0].raw);
    return _mm512_add_ps(mixed, _mm512_shuffle_f32x4(a.part[0].raw, b.part[0].raw, 0x4E));
  };
  const __m512 ab = pair(v[0], v[1]);
  const __m512 cd = pair(v[2], v[3]);
  return _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
}

/// The last two levels for four rows at once; row m's sums end up in quarter m.
HWY_INLINE __m512 fold1_rows(__m512 r0, __m512 r1, __m512 r2, __m512 r3) {
  const __m512 top =
      _mm512_add_ps(_mm512_shuffle_ps(r0, r1, 0x44), _mm512_shuffle_ps(r0, r1, 0xEE));
  const __m512 low =
      _mm512_add_ps(_mm512_shuffle_ps(r2, r3, 0x44), _mm512_shuffle_ps(r2, r3, 0xEE));
  const __m512 sums =
      _mm512_add_ps(_mm512_shuffle_ps(top, low, 0x88), _mm512_shuffle_ps(top, low, 0xDD));
  const __m512i transpose = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_ps(transpose, sums);
}
#endif

/// out[m] = the sums of acc[m][0…3].
template <size_t M>
HWY_INLINE void sum_rows(const Vec16 (&acc)[M][4], hn::Vec<Quad>* out) {
#if HWY_TARGET == HWY_AVX3
  HWY_UNROLL(2)
  for (size_t m = 0; m < M; m += 4) {
    const auto row = [&](size_t i) HWY_ATTR { return fold4_row(acc[m + i < M ? m + i : M - 1]); };
    const __m512 r0 = row(0);
    const __m512 r1 = M - m > 1 ? row(1) : r0;
    const __m512 r2 = M - m > 2 ? row(2) : r0;
    const __m512 sums = fold1_rows(r0, r1, r2, M - m > 3 ? row(3) : r2);
    out[m].raw = _mm512_castps512_ps128(sums);
    if (M - m > 1) out[m + 1].raw = _mm512_extractf32x4_ps(sums, 1);
    if (M - m > 2) out[m + 2].raw = _mm512_extractf32x4_ps(sums, 2);
    if (M - m > 3) out[m + 3].raw = _mm512_extractf32x4_ps(sums, 3);
  }
#else
  for (size_t m = 0; m < M; ++m) out[m] = sum4(acc[m][0], acc[m][1], acc[m][2], acc[m][3]);
#endif
}

/// Sums of products over k in [0, size), size a multiple of 16: acc[m][n] += x[m] * w[n], lane by
/// lane in ascending k. Fetches what lies `ahead` elements on, unless that is 0: the next tile's
/// rows, which the hardware does not foresee across pages and short rows.
template <size_t M, size_t N, class X, class W>
HWY_INLINE void accumulate(const X* const* x, const W* const* w, size_t size, size_t ahead,
                           Vec16 (&acc)[M][N]) {
  for (size_t k = 0; k < size; k += kVectorFloats) {
    Vec16 right[N];
    HWY_UNROLL(8)
    for (size_t n = 0; n < N; ++n) {
      if (ahead != 0) hwy::Prefetch(w[n] + k + ahead);
      right[n] = load16(w[n] + k);
    }
    HWY_UNROLL(8)
    for (size_t m = 0; m < M; ++m) {
      const Vec16 left = load16(x[m] + k);
      HWY_UNROLL(8)
      for (size_t n = 0; n < N; ++n) acc[m][n] = mul_add(left, right[n], acc[m][n]);
    }
  }
}

template <size_t M, size_t N>
HWY_INLINE void clear(Vec16 (&acc)[M][N]) {
  HWY_UNROLL(8)
  for (size_t m = 0; m < M; ++m) {
    HWY_UNROLL(8)
    for (size_t n = 0; n < N; ++n) acc[m][n] = splat(0.0F);
  }
}

/// exp(x): x = n·ln2 + r with |r| ≤ ln2/2, the Taylor polynomial of degree 7 for exp(r), and n
/// added to the exponent. 0 below the smallest normal result; saturates above the largest.
HWY_INLINE hn::Vec<Lanes> exp_part(hn::Vec<Lanes> x) {
  const Lanes d;
  const auto clamped = hn::Min(hn::Max(x, hn::Set(d, -87.33F)), hn::Set(d, 88.37F));
  const auto n = hn::Round(hn::Mul(clamped, hn::Set(d, 1.44269504088896341F)));
  auto r = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), clamped);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), r);
  auto poly = hn::Set(d, 1.0F / 5040);
  for (const float c : {1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) {
    poly = hn::MulAdd(poly, r, hn::Set(d, c));
  }
  const auto bits = hn::ShiftLeft<23>(hn::ConvertTo(hn::RebindToSigned<Lanes>(), n));
  const auto scaled = hn::BitCast(d, hn::Add(hn::BitCast(hn::RebindToSigned<Lanes>(), poly), bits));
  return hn::IfThenElseZero(hn::Ge(x, hn::Set(d, -87.33F)), scaled);
}
HWY_INLINE Vec16 exp16(const Vec16& v) {
  return each([&](size_t i) HWY_ATTR { return exp_part(v.part[i]); });
}

}  // namespace llmd::engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
