// SPDX-License-Identifier: Apache-2.0
#include "engine/model/safetensors.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_set>

namespace llmd::engine {
namespace {

constexpr size_t kLengthBytes = 8;

struct DtypeSize {
  std::string_view name;
  uint64_t bytes;
};
constexpr std::array<DtypeSize, 14> kDtypes{{{"BOOL", 1},
                                             {"U8", 1},
                                             {"I8", 1},
                                             {"F8_E4M3", 1},
                                             {"F8_E5M2", 1},
                                             {"U16", 2},
                                             {"I16", 2},
                                             {"F16", 2},
                                             {"BF16", 2},
                                             {"U32", 4},
                                             {"I32", 4},
                                             {"F32", 4},
                                             {"I64", 8},
                                             {"F64", 8}}};

Error refused(std::string_view what) {
  return invalid_argument(fmt::format("safetensors header: {}", what));
}
Error refused(std::string_view tensor, std::string_view what) {
  return invalid_argument(fmt::format("safetensors tensor '{}': {}", tensor.substr(0, 200), what));
}

std::optional<uint64_t> dtype_size(std::string_view name) {
  for (const auto& [known, bytes] : kDtypes) {
    if (known == name) return bytes;
  }
  return std::nullopt;
}

Result<std::vector<uint64_t>> read_integers(const simdjson::dom::element& object,
                                            std::string_view key, std::string_view tensor) {
  simdjson::dom::array array;
  if (object[key].get(array) != simdjson::SUCCESS) {
    return refused(tensor, fmt::format("'{}' is not an array", key));
  }
  std::vector<uint64_t> out;
  for (const auto& value : array) {
    uint64_t number = 0;
    if (value.get(number) != simdjson::SUCCESS) {
      return refused(tensor, fmt::format("'{}' holds something else than counts", key));
    }
    if (out.size() == kSafetensorsDimsMax) {
      return refused(tensor, fmt::format("'{}' has more than {} entries", key, out.size()));
    }
    out.push_back(number);
  }
  return out;
}

/// Bytes that dtype and shape need.
Result<uint64_t> needed_bytes(const TensorEntry& entry) {
  const std::optional<uint64_t> element = dtype_size(entry.dtype);
  if (!element) return refused(entry.name, fmt::format("unknown dtype '{}'", entry.dtype));
  uint64_t total = *element;
  for (const uint64_t dim : entry.shape) {
    if (__builtin_mul_overflow(total, dim, &total)) {
      return refused(entry.name, fmt::format("shape {} overflows", shape_text(entry.shape)));
    }
  }
  return total;
}

Result<TensorEntry> read_tensor(std::string_view name, const simdjson::dom::element& value,
                                std::span<const std::byte> data) {
  TensorEntry entry;
  entry.name = name;
  std::string_view dtype;
  if (value["dtype"].get(dtype) != simdjson::SUCCESS) return refused(name, "no 'dtype'");
  entry.dtype = dtype.substr(0, 16);
  LLMD_ASSIGN_OR_RETURN(entry.shape, read_integers(value, "shape", name));
  LLMD_ASSIGN_OR_RETURN(const auto offsets, read_integers(value, "data_offsets", name));
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size()) {
    return refused(name, fmt::format("data_offsets {} do not lie in the file's {} data bytes",
                                     shape_text(offsets), data.size()));
  }
  LLMD_ASSIGN_OR_RETURN(const uint64_t needed, needed_bytes(entry));
  entry.bytes = data.subspan(offsets[0], offsets[1] - offsets[0]);
  if (entry.bytes.size() != needed) {
    return refused(name, fmt::format("{} {} needs {} bytes, data_offsets hold {}", entry.dtype,
                                     shape_text(entry.shape), needed, entry.bytes.size()));
  }
  return entry;
}

Result<void> refuse_overlaps(const std::vector<TensorEntry>& entries) {
  std::vector<const TensorEntry*> order;
  for (const TensorEntry& entry : entries) {
    if (!entry.bytes.empty()) order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(),
            [](const auto* a, const auto* b) { return a->bytes.data() < b->bytes.data(); });
  for (size_t i = 1; i < order.size(); ++i) {
    const auto& previous = *order[i - 1];
    if (previous.bytes.data() + previous.bytes.size() > order[i]->bytes.data()) {
      return refused(order[i]->name, fmt::format("lies over tensor '{}'", previous.name));
    }
  }
  return {};
}

Result<std::vector<TensorEntry>> read_entries(const simdjson::dom::object& root,
                                              std::span<const std::byte> data) {
  std::vector<TensorEntry> entries;
  std::unordered_set<std::string_view> names;
  for (const auto& [name, value] : root) {
    if (!names.insert(name).second) return refused(name, "occurs twice");
    if (name == "__metadata__") continue;
    if (entries.size() == kSafetensorsTensorsMax) {
      return refused(fmt::format("more than {} tensors", kSafetensorsTensorsMax));
    }
    LLMD_ASSIGN_OR_RETURN(TensorEntry entry, read_tensor(name, value, data));
    entries.push_back(std::move(entry));
  }
  LLMD_RETURN_IF_ERROR(refuse_overlaps(entries));
  return entries;
}

}  // namespace

std::string shape_text(std::span<const uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Result<std::vector<TensorEntry>> parse_safetensors(std::span<const std::byte> file) {
  if (file.size() < kLengthBytes) return refused("the file is shorter than 8 bytes");
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<uint64_t>(file[i]);
  if (length > kSafetensorsHeaderBytesMax || length > file.size() - kLengthBytes) {
    return refused(fmt::format("claims {} bytes, the file has {} and the limit is {}", length,
                               file.size() - kLengthBytes, kSafetensorsHeaderBytesMax));
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, length);
  simdjson::dom::parser parser(kSafetensorsHeaderBytesMax);
  simdjson::dom::object root;
  if (const auto error = parser.parse(simdjson::padded_string(text)).get(root)) {
    return refused(fmt::format("not a JSON object: {}", simdjson::error_message(error)));
  }
  return read_entries(root, file.subspan(kLengthBytes + length));
}

}  // namespace llmd::engine
