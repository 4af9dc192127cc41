// SPDX-License-Identifier: Apache-2.0
#include "tokenize/post_processor.h"

#include <fmt/core.h>

namespace llmd::tokenize {
namespace {

constexpr std::string_view kWhere = "post_processor TemplateProcessing";

Result<void> append_special(Json processor, Json item, std::vector<TokenId>& out) {
  LLMD_ASSIGN_OR_RETURN(const auto name, text_field(item, "id", kWhere));
  const auto table = field(processor, "special_tokens");
  const auto entry = table ? field(*table, name) : std::nullopt;
  if (!entry) {
    return invalid_argument(
        fmt::format("tokenizer.json: {}: special token {} is not defined", kWhere, name));
  }
  LLMD_ASSIGN_OR_RETURN(const auto ids, array_field(*entry, "ids", kWhere));
  for (Json id : ids) {
    uint64_t number = 0;
    if (id.get(number) != simdjson::SUCCESS || number > UINT32_MAX) {
      return invalid_argument(fmt::format("tokenizer.json: {}: bad id of {}", kWhere, name));
    }
    out.push_back(static_cast<TokenId>(number));
  }
  return {};
}

Result<PostProcessor> parse_template(Json json) {
  LLMD_ASSIGN_OR_RETURN(const auto single, array_field(json, "single", kWhere));
  PostProcessor processor;
  bool text_seen = false;
  for (Json item : single) {
    if (const auto special = field(item, "SpecialToken")) {
      LLMD_RETURN_IF_ERROR(
          append_special(json, *special, text_seen ? processor.after : processor.before));
    } else if (field(item, "Sequence") && !text_seen) {
      text_seen = true;
    } else {
      return invalid_argument(
          fmt::format("tokenizer.json: {}: \"single\" must hold one Sequence", kWhere));
    }
  }
  return processor;
}

}  // namespace

Result<PostProcessor> PostProcessor::parse(std::optional<Json> json) {
  LLMD_ASSIGN_OR_RETURN(const auto steps, flatten_sequence(json, "processors", "post_processor"));
  PostProcessor all;
  for (Json step : steps) {
    LLMD_ASSIGN_OR_RETURN(const auto type, text_field(step, "type", "post_processor"));
    if (type == "ByteLevel") continue;
    if (type != "TemplateProcessing") return unknown_type("post_processor", type);
    LLMD_ASSIGN_OR_RETURN(const PostProcessor outer, parse_template(step));
    all.before.insert(all.before.begin(), outer.before.begin(), outer.before.end());
    all.after.insert(all.after.end(), outer.after.begin(), outer.after.end());
  }
  return all;
}

}  // namespace llmd::tokenize
