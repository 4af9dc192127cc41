// SPDX-License-Identifier: Apache-2.0
// Unicode normalization forms (UAX 15) in linear time, over utf8proc's tables.
#pragma once

#include <string>
#include <string_view>

namespace llmd::tokenize {

struct NormalForm {
  bool compose = true;
  bool compatibility = false;
};

/// Appends `text` (valid UTF-8) in the form; returns false, and appends nothing, if it is in it.
bool append_normalized(std::string_view text, NormalForm form, std::string& out);

}  // namespace llmd::tokenize
