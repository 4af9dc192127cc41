// SPDX-License-Identifier: Apache-2.0
// All tensors of a model directory, mapped.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/kernels/kernels.h"
#include "engine/model/safetensors.h"

namespace llmd::engine {

inline constexpr size_t kShardsMax = 1024;
inline constexpr size_t kIndexBytesMax = 64U << 20;

/// A file mapped read-only. Someone who truncates it while it is mapped stops the process (SIGBUS),
/// as with every engine that maps its weights.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

/// Immutable after open(); any thread. Views stay valid as long as the store lives.
class WeightStore {
 public:
  /// Maps `model.safetensors`, or the files that `model.safetensors.index.json` names, which must
  /// lie in the directory itself.
  static Result<WeightStore> open(const std::string& directory);

  bool contains(std::string_view name) const;
  /// The matrix, which must be `rows` by `cols` and of a floating type the kernels know.
  Result<kernels::Weights> matrix(const std::string& name, uint32_t rows, uint32_t cols) const;
  /// A short vector, converted.
  Result<std::vector<float>> vector(const std::string& name, uint32_t size) const;

 private:
  WeightStore() = default;
  Result<void> add_file(const std::string& path);
  Result<void> add_shards(const std::string& directory, const std::string& index);
  Result<kernels::Weights> find(const std::string& name, std::span<const uint64_t> shape) const;

  std::vector<MappedFile> files_;
  std::unordered_map<std::string, TensorEntry> tensors_;
};

}  // namespace llmd::engine
