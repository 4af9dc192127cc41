// SPDX-License-Identifier: Apache-2.0
// A hash map by text that is looked up without making a std::string.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace llmd::flow {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

template <typename T>
using StringMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

}  // namespace llmd::flow
