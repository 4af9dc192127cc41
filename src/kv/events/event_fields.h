// SPDX-License-Identifier: Apache-2.0
// The words of the wire: event names, field names with their place in the array form, kinds.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "kv/events/event.h"

namespace llmd::kv {

inline constexpr std::string_view kTypeKey = "type";
inline constexpr std::string_view kStoredTag = "BlockStored";
inline constexpr std::string_view kRemovedTag = "BlockRemoved";
inline constexpr std::string_view kClearedTag = "AllBlocksCleared";

enum class Field : uint8_t {
  kHashes,
  kParent,
  kTokens,
  kBlockSize,
  kLoraId,
  kMedium,
  kLoraName,
  kExtraKeys,
  kGroup,
  kSpecKind,
  kSlidingWindow,
  kOther,  ///< one that is not read: of a later version, or only for people
};

/// Keys of the map form, in the order of Field.
inline constexpr std::array<std::string_view, 11> kFieldNames = {"block_hashes",
                                                                 "parent_block_hash",
                                                                 "token_ids",
                                                                 "block_size",
                                                                 "lora_id",
                                                                 "medium",
                                                                 "lora_name",
                                                                 "extra_keys",
                                                                 "group_idx",
                                                                 "kv_cache_spec_kind",
                                                                 "kv_cache_spec_sliding_window"};

constexpr std::string_view name_of(Field field) { return kFieldNames[static_cast<size_t>(field)]; }
constexpr Field field_named(std::string_view name) {
  for (size_t i = 0; i < kFieldNames.size(); ++i) {
    if (kFieldNames[i] == name) return static_cast<Field>(i);
  }
  return Field::kOther;
}

/// What follows the tag in the array form: the order in which vLLM added them.
inline constexpr std::array kStoredOrder = {Field::kHashes,    Field::kParent,       Field::kTokens,
                                            Field::kBlockSize, Field::kLoraId,       Field::kMedium,
                                            Field::kLoraName,  Field::kExtraKeys,    Field::kGroup,
                                            Field::kSpecKind,  Field::kSlidingWindow};
inline constexpr std::array kRemovedOrder = {Field::kHashes, Field::kMedium, Field::kGroup};

/// In the order of SpecKind, from kFullAttention on.
inline constexpr std::array<std::string_view, 9> kSpecKindNames = {
    "full_attention", "mla_attention",           "sliding_window",      "sliding_window_mla",
    "mamba",          "chunked_local_attention", "sink_full_attention", "encoder_only_attention",
    "cross_attention"};

constexpr SpecKind spec_kind_named(std::string_view name) {
  for (size_t i = 0; i < kSpecKindNames.size(); ++i) {
    if (kSpecKindNames[i] == name) return static_cast<SpecKind>(i + 1);
  }
  return SpecKind::kUnknown;
}
constexpr std::string_view name_of(SpecKind kind) {
  const auto place = static_cast<size_t>(kind) - 1;
  return place < kSpecKindNames.size() ? kSpecKindNames[place] : "unknown";
}

}  // namespace llmd::kv
