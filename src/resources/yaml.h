// SPDX-License-Identifier: Apache-2.0
// YAML from outside as a plain tree that knows its places. Bounded; anchors and aliases are
// refused, as a few of them can stand for gigabytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace llmd::resources {

inline constexpr size_t kYamlBytesMax = 1 << 20;
inline constexpr size_t kYamlNodesMax = 100'000;
inline constexpr size_t kYamlDepthMax = 32;
inline constexpr size_t kYamlDocumentsMax = 256;
inline constexpr size_t kYamlKeyBytesMax = 500;  ///< yaml-cpp reads no keys much longer than that

struct YamlMember;

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  bool quoted = false;  ///< a quoted scalar is text whatever it looks like
  int line = 1;         ///< from 1
  int column = 1;       ///< from 1
  std::string scalar;
  std::vector<YamlNode> items;      ///< of a sequence
  std::vector<YamlMember> members;  ///< of a map, in order; keys are scalars, each once
};

struct YamlMember {
  YamlNode key;
  YamlNode value;
};

/// The documents of `text` that are not empty. Errors read `file:line:column: what`. Any thread.
Result<std::vector<YamlNode>> parse_yaml(std::string_view text, std::string_view file);

/// `node` on one line, in YAML's flow style; parse_yaml() reads it back with the same content.
std::string print_yaml(const YamlNode& node);

/// `text` as a double-quoted scalar that parse_yaml() reads back unchanged.
std::string quote_yaml(std::string_view text);

}  // namespace llmd::resources
