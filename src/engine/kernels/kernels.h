// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a transformer on the CPU, for whichever vector extensions the machine has.
//
// Every output has one order of operations, whatever else is computed beside it: sums run over 16
// virtual lanes (lane = index mod 16) that are folded by a fixed tree (i, i+8), (i, i+4), (i, i+2),
// (i, i+1). AVX2 and AVX-512 therefore give the same bits, and so do one row and 256 rows.
//
// All functions are pure, may run on any thread, and neither allocate nor check their arguments:
// lengths are multiples of kVectorFloats where the comments say so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace llmd::engine::kernels {

inline constexpr size_t kVectorFloats = 16;     ///< the virtual vector; inner sizes divide by it
inline constexpr uint32_t kGroupsMax = 8;       ///< of a Weights
inline constexpr uint32_t kAttentionRows = 12;  ///< queries that share one pass over the keys

enum class Dtype : uint8_t { kF32, kBf16, kF16 };
constexpr size_t dtype_bytes(Dtype dtype) { return dtype == Dtype::kF32 ? 4 : 2; }

/// A matrix of weights as it lies in the file: `rows` outputs by `cols` inputs, row after row, of
/// any alignment. `cols / groups` is a multiple of 16.
struct Weights {
  const std::byte* data = nullptr;
  Dtype dtype = Dtype::kF32;
  uint32_t rows = 0;
  uint32_t cols = 0;
  /// Inputs are summed in this many equal runs, whose sums meet in a balanced tree: a power of two.
  /// A tensor-parallel rank that holds a run of groups computes a subtree of the same tree.
  uint32_t groups = 1;
};

/// `rows` vectors of floats, `stride` floats apart.
struct Rows {
  float* data = nullptr;
  size_t stride = 0;
  uint32_t rows = 0;

  float* row(size_t index) const { return data + index * stride; }
};

/// Floats of scratch that matmul needs for weights with this many columns.
size_t matmul_scratch_floats(uint32_t cols);

/// y[m][n] (+)= sum over k of x[m][k] * w[n][k], for n in [begin, end) and every row m of x.
void matmul(const Weights& w, Rows x, Rows y, bool add, uint32_t begin, uint32_t end,
            float* scratch);

/// Row `index` of w as floats: the embedding of a token.
void copy_row(const Weights& w, uint32_t index, float* out);

/// out = x / sqrt(mean(x²) + epsilon) * weight, over `size` values, a multiple of 16. May alias.
void rms_norm(const float* x, const float* weight, float epsilon, size_t size, float* out);

/// Rotary embedding in the half-split form of Hugging Face: pairs are (i, i + dim/2).
void rope(float* x, const float* cos, const float* sin, size_t dim);

/// gate = gate / (1 + exp(-gate)) * up, over `size` values, a multiple of 16.
void silu_multiply(float* gate, const float* up, size_t size);

/// exp of `size` values in place, a multiple of 16; relative error below 2e-7.
void exponential(float* x, size_t size);

/// Rounds to the nearest bf16, ties to even; NaN stays NaN.
void to_bf16(const float* x, size_t size, uint16_t* out);

/// One KV head of one sequence in the pool.
struct KvView {
  const std::byte* keys = nullptr;    ///< of block 0, [token][dim]
  const std::byte* values = nullptr;  ///< likewise
  size_t block_stride = 0;            ///< bytes from a block to the next
  const uint32_t* table = nullptr;    ///< block of positions 0…
  uint32_t block_size = 0;
  uint32_t dim = 0;  ///< a multiple of 16
  bool bf16 = false;
};

/// Queries against the same keys, in ascending order of length.
struct AttentionBatch {
  const float* query[kAttentionRows] = {};
  float* out[kAttentionRows] = {};
  uint32_t length[kAttentionRows] = {};  ///< keys that the query sees: its position + 1
  uint32_t count = 0;
};

/// Floats between two rows of scores, for sequences of up to `length` tokens.
size_t attention_stride(size_t length);

/// out = softmax(query · keys * scale) · values for each query. `scores` is scratch of
/// kAttentionRows * stride floats.
void attend(const KvView& kv, const AttentionBatch& batch, float scale, float* scores,
            size_t stride);

}  // namespace llmd::engine::kernels
