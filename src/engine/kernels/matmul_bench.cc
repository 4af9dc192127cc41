// SPDX-License-Identifier: Apache-2.0
// Multiply-adds per second of the matrix product, by shape and rows.
#include <benchmark/benchmark.h>
#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <vector>

#include "engine/kernels/kernels.h"

namespace llmd::engine::kernels {
namespace {

void bm_matmul(benchmark::State& state) {
  const auto rows = static_cast<uint32_t>(state.range(0));
  const auto outputs = static_cast<uint32_t>(state.range(1));
  const auto inputs = static_cast<uint32_t>(state.range(2));
  std::vector<uint16_t> data(size_t{outputs} * inputs, 0x3c00);
  const Weights w{.data = reinterpret_cast<const std::byte*>(data.data()),
                  .dtype = Dtype::kBf16,
                  .rows = outputs,
                  .cols = inputs};
  const size_t stride = inputs + kVectorFloats;
  const auto x = hwy::AllocateAligned<float>(rows * stride);
  const auto scratch = hwy::AllocateAligned<float>(matmul_scratch_floats(inputs));
  std::fill_n(x.get(), rows * stride, 0.5F);
  std::vector<float> y(size_t{rows} * outputs);
  for (auto _ : state) {
    matmul(w, {x.get(), stride, rows}, {y.data(), outputs, rows}, false, 0, outputs, scratch.get());
    benchmark::ClobberMemory();
  }
  state.counters["flops"] = benchmark::Counter(2.0 * rows * outputs * inputs,
                                               benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(bm_matmul)
    ->ArgsProduct({{1, 8, 512}, {576}, {576, 1536}})
    ->Args({512, 1536, 576})
    ->Args({1, 49152, 576})
    ->Args({512, 256, 256})
    ->Args({6, 64, 576});

}  // namespace
}  // namespace llmd::engine::kernels
