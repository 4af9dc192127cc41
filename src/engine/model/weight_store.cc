// SPDX-License-Identifier: Apache-2.0
#include "engine/model/weight_store.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "base/text.h"

namespace llmd::engine {
namespace {

Error io_error(const std::string& path) {
  return {Errc::kIo, fmt::format("{}: {}", path, strerror(errno))};
}

std::optional<kernels::Dtype> kernel_dtype(std::string_view name) {
  if (name == "F32") return kernels::Dtype::kF32;
  if (name == "BF16") return kernels::Dtype::kBf16;
  if (name == "F16") return kernels::Dtype::kF16;
  return std::nullopt;
}

/// A shard is a file of the directory itself: no path, nothing hidden.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= 255 && name[0] != '.' &&
         name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

/// The tensor names and their files, from model.safetensors.index.json.
Result<std::vector<std::pair<std::string, std::string>>> read_index(const std::string& path) {
  LLMD_ASSIGN_OR_RETURN(const std::string text, read_file(path, kIndexBytesMax));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) {
    return invalid_argument(path + ": no object 'weight_map'");
  }
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [tensor, file] : json["weight_map"].items()) {
    if (!file.is_string() || !is_plain_name(file.get<std::string>())) {
      return invalid_argument(fmt::format("{}: tensor '{}' is not in a file of this directory",
                                          path, tensor.substr(0, 200)));
    }
    out.emplace_back(tensor, file.get<std::string>());
  }
  return out;
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_error(path);
  struct stat status{};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0) {
    close(fd);
    return invalid_argument(path + ": not a regular file, or empty");
  }
  const auto size = static_cast<size_t>(status.st_size);
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (data == MAP_FAILED) return io_error(path);
  madvise(data, size, MADV_WILLNEED);  // only a hint: failing costs speed, nothing else
  return MappedFile({static_cast<const std::byte*>(data), size});
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Result<void> WeightStore::add_file(const std::string& path) {
  LLMD_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  auto entries = parse_safetensors(file.bytes());
  if (!entries) return Error{entries.error().code, path + ": " + entries.error().message};
  files_.push_back(std::move(file));
  for (TensorEntry& entry : *entries) {
    std::string name = entry.name;
    if (!tensors_.emplace(std::move(name), std::move(entry)).second) {
      return invalid_argument(fmt::format("{}: a tensor here is in another file too", path));
    }
  }
  return {};
}

Result<void> WeightStore::add_shards(const std::string& directory, const std::string& index) {
  LLMD_ASSIGN_OR_RETURN(const auto map, read_index(index));
  std::set<std::string> shards;
  for (const auto& [tensor, file] : map) shards.insert(file);
  if (shards.size() > kShardsMax) {
    return invalid_argument(
        fmt::format("{}: {} files, at most {}", index, shards.size(), kShardsMax));
  }
  for (const std::string& shard : shards) LLMD_RETURN_IF_ERROR(add_file(directory + "/" + shard));
  for (const auto& [tensor, file] : map) {
    if (!contains(tensor)) {
      return invalid_argument(
          fmt::format("{}: tensor '{}' is not in any of the files", index, tensor.substr(0, 200)));
    }
  }
  return {};
}

Result<WeightStore> WeightStore::open(const std::string& directory) {
  WeightStore store;
  const std::string single = directory + "/model.safetensors";
  const std::string index = single + ".index.json";
  std::error_code ignored;
  if (std::filesystem::exists(single, ignored)) {
    LLMD_RETURN_IF_ERROR(store.add_file(single));
  } else if (std::filesystem::exists(index, ignored)) {
    LLMD_RETURN_IF_ERROR(store.add_shards(directory, index));
  } else {
    return not_found(directory + ": neither model.safetensors nor model.safetensors.index.json");
  }
  return store;
}

bool WeightStore::contains(std::string_view name) const {
  return tensors_.contains(std::string(name));
}

Result<kernels::Weights> WeightStore::find(const std::string& name,
                                           std::span<const uint64_t> shape) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    return not_found(
        fmt::format("tensor '{}' is missing; expected one of shape {}", name, shape_text(shape)));
  }
  const TensorEntry& entry = found->second;
  if (!std::equal(shape.begin(), shape.end(), entry.shape.begin(), entry.shape.end())) {
    return invalid_argument(fmt::format("tensor '{}' has shape {}, expected {}", name,
                                        shape_text(entry.shape), shape_text(shape)));
  }
  const auto dtype = kernel_dtype(entry.dtype);
  if (!dtype) {
    return invalid_argument(
        fmt::format("tensor '{}' has dtype {}, expected F32, BF16 or F16", name, entry.dtype));
  }
  return kernels::Weights{.data = entry.bytes.data(), .dtype = *dtype};
}

Result<kernels::Weights> WeightStore::matrix(const std::string& name, uint32_t rows,
                                             uint32_t cols) const {
  LLMD_ASSIGN_OR_RETURN(kernels::Weights weights, find(name, std::array<uint64_t, 2>{rows, cols}));
  weights.rows = rows;
  weights.cols = cols;
  return weights;
}

Result<std::vector<float>> WeightStore::vector(const std::string& name, uint32_t size) const {
  LLMD_ASSIGN_OR_RETURN(kernels::Weights weights, find(name, std::array<uint64_t, 1>{size}));
  weights.rows = 1;
  weights.cols = size;
  std::vector<float> out(size);
  kernels::copy_row(weights, 0, out.data());
  return out;
}

}  // namespace llmd::engine
