// SPDX-License-Identifier: Apache-2.0
// The "post_processor" of a tokenizer file: the special tokens around a text.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "tokenize/json_field.h"
#include "tokenize/tokenizer.h"

namespace llmd::tokenize {

struct PostProcessor {
  std::vector<TokenId> before;
  std::vector<TokenId> after;

  /// TemplateProcessing (its "single" form), ByteLevel (which changes no tokens) and Sequence.
  static Result<PostProcessor> parse(std::optional<Json> json);
};

}  // namespace llmd::tokenize
