// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/elementwise.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <bit>
#include <cmath>

#include "engine/kernels/kernels.h"
#include "engine/kernels/vec16_inl.h"

HWY_BEFORE_NAMESPACE();
namespace llmd::engine::kernels::HWY_NAMESPACE {

void rms_norm_target(const float* x, const float* weight, float epsilon, size_t size, float* out) {
  Vec16 squares = splat(0.0F);
  for (size_t i = 0; i < size; i += kVectorFloats) {
    const Vec16 v = load16(x + i);
    squares = mul_add(v, v, squares);
  }
  const float mean = sum1(squares) / static_cast<float>(size);
  const Vec16 scale = splat(1.0F / std::sqrt(mean + epsilon));
  for (size_t i = 0; i < size; i += kVectorFloats) {
    store16(load16(x + i) * scale * load16(weight + i), out + i);
  }
}

void rope_target(float* HWY_RESTRICT x, const float* HWY_RESTRICT cos,
                 const float* HWY_RESTRICT sin, size_t dim) {
  float* HWY_RESTRICT second = x + dim / 2;
  for (size_t i = 0; i < dim / 2; ++i) {
    const float a = x[i];
    const float b = second[i];
    x[i] = a * cos[i] - b * sin[i];
    second[i] = b * cos[i] + a * sin[i];
  }
}

void silu_multiply_target(float* gate, const float* up, size_t size) {
  const Vec16 one = splat(1.0F);
  for (size_t i = 0; i < size; i += kVectorFloats) {
    const Vec16 g = load16(gate + i);
    const Vec16 sigmoid_inverse = one + exp16(g * splat(-1.0F));
    store16(g / sigmoid_inverse * load16(up + i), gate + i);
  }
}

void exponential_target(float* x, size_t size) {
  for (size_t i = 0; i < size; i += kVectorFloats) store16(exp16(load16(x + i)), x + i);
}

void to_bf16_target(const float* HWY_RESTRICT x, size_t size, uint16_t* HWY_RESTRICT out) {
  for (size_t i = 0; i < size; ++i) {
    const auto bits = std::bit_cast<uint32_t>(x[i]);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    const bool nan = (bits & 0x7fffffff) > 0x7f800000;
    out[i] = static_cast<uint16_t>(nan ? (bits >> 16) | 0x40 : rounded);
  }
}

}  // namespace llmd::engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace llmd::engine::kernels {
HWY_EXPORT(rms_norm_target);
HWY_EXPORT(rope_target);
HWY_EXPORT(silu_multiply_target);
HWY_EXPORT(exponential_target);
HWY_EXPORT(to_bf16_target);

void rms_norm(const float* x, const float* weight, float epsilon, size_t size, float* out) {
  HWY_DYNAMIC_DISPATCH(rms_norm_target)(x, weight, epsilon, size, out);
}
void rope(float* x, const float* cos, const float* sin, size_t dim) {
  HWY_DYNAMIC_DISPATCH(rope_target)(x, cos, sin, dim);
}
void silu_multiply(float* gate, const float* up, size_t size) {
  HWY_DYNAMIC_DISPATCH(silu_multiply_target)(gate, up, size);
}
void exponential(float* x, size_t size) { HWY_DYNAMIC_DISPATCH(exponential_target)(x, size); }
void to_bf16(const float* x, size_t size, uint16_t* out) {
  HWY_DYNAMIC_DISPATCH(to_bf16_target)(x, size, out);
}
}  // namespace llmd::engine::kernels
#endif
