// SPDX-License-Identifier: Apache-2.0
#include "resources/fields.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace llmd::resources {
namespace {

const YamlNode& empty_map() {
  static const YamlNode node = [] {
    YamlNode map;
    map.kind = YamlNode::Kind::kMap;
    return map;
  }();
  return node;
}

}  // namespace

Result<Fields> Fields::of(const YamlNode& node, std::string path, const std::string& file) {
  Fields fields(node, std::move(path), file);
  if (node.kind != YamlNode::Kind::kMap) return fields.error("", "must be a map");
  return fields;
}

Result<Fields> Fields::of_optional(const YamlNode& node, std::string path,
                                   const std::string& file) {
  return of(node.kind == YamlNode::Kind::kNull ? empty_map() : node, std::move(path), file);
}

const YamlMember* Fields::member(std::string_view key) const {
  const auto found = std::find_if(node_->members.begin(), node_->members.end(),
                                  [&](const auto& each) { return each.key.scalar == key; });
  return found == node_->members.end() ? nullptr : &*found;
}

std::string Fields::path_of(std::string_view key) const {
  if (key.empty()) return path_;
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

Error Fields::error_at(const YamlNode& node, std::string_view path, std::string_view what) const {
  return invalid_argument(fmt::format("{}:{}:{}: {}{}{}", *file_, node.line, node.column, path,
                                      path.empty() ? "" : ": ", what));
}

Error Fields::error(std::string_view key, std::string_view what) const {
  const YamlMember* found = member(key);
  return error_at(found == nullptr ? *node_ : found->value, path_of(key), what);
}

const YamlNode* Fields::find(std::string_view key) {
  known_.emplace_back(key);
  const YamlMember* found = member(key);
  if (found == nullptr || found->value.kind == YamlNode::Kind::kNull) return nullptr;
  return &found->value;
}

Result<const YamlNode*> Fields::require(std::string_view key) {
  const YamlNode* found = find(key);
  if (found == nullptr) return error(key, "is missing");
  return found;
}

Result<Fields> Fields::map(std::string_view key) {
  const YamlNode* found = find(key);
  return of(found == nullptr ? empty_map() : *found, path_of(key), *file_);
}

Result<std::vector<Fields>> Fields::maps(std::string_view key) {
  const YamlNode* found = find(key);
  std::vector<Fields> out;
  if (found == nullptr) return out;
  if (found->kind != YamlNode::Kind::kSequence) return error(key, "must be a list of maps");
  for (size_t i = 0; i < found->items.size(); ++i) {
    LLMD_ASSIGN_OR_RETURN(auto item,
                          of(found->items[i], fmt::format("{}[{}]", path_of(key), i), *file_));
    out.push_back(std::move(item));
  }
  return out;
}

Result<std::string> Fields::text(std::string_view key, std::string fallback) {
  const YamlNode* found = find(key);
  if (found == nullptr) return fallback;
  if (found->kind != YamlNode::Kind::kScalar) return error(key, "must be a text");
  if (found->scalar.empty()) return error(key, "must not be empty");
  return found->scalar;
}

Result<std::vector<std::string>> Fields::texts(std::string_view key) {
  const YamlNode* found = find(key);
  if (found == nullptr) return std::vector<std::string>{};
  if (found->kind != YamlNode::Kind::kSequence) return error(key, "must be a list of texts");
  std::vector<std::string> out;
  for (const YamlNode& item : found->items) {
    if (item.kind != YamlNode::Kind::kScalar) {
      return error_at(item, path_of(key), "must hold texts only");
    }
    out.push_back(item.scalar);
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> Fields::text_map(std::string_view key) {
  const YamlNode* found = find(key);
  std::vector<std::pair<std::string, std::string>> out;
  if (found == nullptr) return out;
  if (found->kind != YamlNode::Kind::kMap) return error(key, "must be a map of texts");
  for (const YamlMember& each : found->members) {
    if (each.value.kind != YamlNode::Kind::kScalar) {
      return error_at(each.value, fmt::format("{}.{}", path_of(key), each.key.scalar),
                      "must be a text");
    }
    out.emplace_back(each.key.scalar, each.value.scalar);
  }
  return out;
}

Result<uint32_t> Fields::number(std::string_view key, uint32_t fallback, uint32_t max) {
  const YamlNode* found = find(key);
  if (found == nullptr) return fallback;
  const auto value = parse_uint(found->scalar);
  if (found->kind != YamlNode::Kind::kScalar || found->quoted || !value || *value > max) {
    return error(key, fmt::format("must be a whole number from 0 to {}", max));
  }
  return static_cast<uint32_t>(*value);
}

Result<int32_t> Fields::integer(std::string_view key, int32_t fallback) {
  const YamlNode* found = find(key);
  if (found == nullptr) return fallback;
  const std::string_view text = found->scalar;
  int32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = failure == std::errc() && end == text.data() + text.size();
  if (found->kind != YamlNode::Kind::kScalar || found->quoted || !is_whole) {
    return error(key, "must be a whole number of 32 bits");
  }
  return value;
}

Result<double> Fields::decimal(std::string_view key, double fallback, double max) {
  return find(key) == nullptr ? fallback : decimal_between(key, 0, max);
}

Result<double> Fields::require_signed(std::string_view key, double max) {
  LLMD_RETURN_IF_ERROR(require(key));
  return decimal_between(key, -max, max);
}

Result<double> Fields::decimal_between(std::string_view key, double min, double max) {
  const YamlNode& found = *find(key);
  const auto value = parse_decimal(found.scalar);
  const bool fits = value && *value >= min && *value <= max;
  if (found.kind != YamlNode::Kind::kScalar || found.quoted || !fits) {
    return error(key, fmt::format("must be a number from {} to {}", min, max));
  }
  return *value;
}

Result<bool> Fields::boolean(std::string_view key, bool fallback) {
  const YamlNode* found = find(key);
  if (found == nullptr) return fallback;
  const bool is_true = found->scalar == "true" || found->scalar == "True";
  const bool is_false = found->scalar == "false" || found->scalar == "False";
  if (found->kind != YamlNode::Kind::kScalar || found->quoted || is_true == is_false) {
    return error(key, "must be true or false");
  }
  return is_true;
}

Result<void> Fields::refuse_unbuilt(std::span<const std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (find(key) == nullptr) continue;
    return error(key, "is known, but this build cannot do it yet; leave it out");
  }
  return {};
}

Result<void> Fields::done() const {
  for (const YamlMember& each : node_->members) {
    const std::string& key = each.key.scalar;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const auto nearest = nearest_word(key, known_);
    return error_at(each.key, path_of(key),
                    nearest ? fmt::format("there is no such key; did you mean {}?", *nearest)
                            : "there is no such key");
  }
  return {};
}

}  // namespace llmd::resources
