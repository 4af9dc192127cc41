// SPDX-License-Identifier: Apache-2.0
// Reads the members of a YAML map by name and refuses the ones nobody asked for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "resources/yaml.h"

namespace llmd::resources {

/// One map at `path` (as "spec.decode") of `file`. Every error names file, line, column and path.
/// Keeps references to `node` and `file`.
class Fields {
 public:
  /// Refuses what is not a map.
  static Result<Fields> of(const YamlNode& node, std::string path, const std::string& file);

  /// As of(), but YAML null stands for an empty map.
  static Result<Fields> of_optional(const YamlNode& node, std::string path,
                                    const std::string& file);

  /// The member's value; null when absent or YAML null.
  const YamlNode* find(std::string_view key);
  /// As find(), but absent is an error.
  Result<const YamlNode*> require(std::string_view key);
  /// The map under `key`; an empty one when absent.
  Result<Fields> map(std::string_view key);
  /// The maps in the list under `key`; none when absent.
  Result<std::vector<Fields>> maps(std::string_view key);
  /// The text under `key`, which must not be empty if present; `fallback` when absent.
  Result<std::string> text(std::string_view key, std::string fallback);
  Result<std::vector<std::string>> texts(std::string_view key);
  Result<std::vector<std::pair<std::string, std::string>>> text_map(std::string_view key);
  /// A whole number of at most `max`.
  Result<uint32_t> number(std::string_view key, uint32_t fallback, uint32_t max);
  /// A whole number from -2^31 to 2^31 - 1.
  Result<int32_t> integer(std::string_view key, int32_t fallback);
  /// A decimal number from 0 to `max`, as 12.5 or 1e-3.
  Result<double> decimal(std::string_view key, double fallback, double max);

  /// A decimal number from -`max` to `max`, which must be there.
  Result<double> require_signed(std::string_view key, double max);

  /// true or false; YAML lets them begin with a capital.
  Result<bool> boolean(std::string_view key, bool fallback);

  /// Members that exist by design but not in this build are refused by name.
  Result<void> refuse_unbuilt(std::span<const std::string_view> keys);
  /// Call last: any member not asked for until now is an error that names the nearest known key.
  Result<void> done() const;

  const std::string& file() const { return *file_; }
  int line() const { return node_->line; }

  /// An error at the member `key`, or at the map itself when it has none.
  Error error(std::string_view key, std::string_view what) const;

 private:
  Fields(const YamlNode& node, std::string path, const std::string& file)
      : node_(&node), path_(std::move(path)), file_(&file) {}

  const YamlMember* member(std::string_view key) const;
  Result<double> decimal_between(std::string_view key, double min, double max);
  std::string path_of(std::string_view key) const;
  Error error_at(const YamlNode& node, std::string_view path, std::string_view what) const;

  const YamlNode* node_;
  std::string path_;
  const std::string* file_;
  std::vector<std::string> known_;
};

}  // namespace llmd::resources
