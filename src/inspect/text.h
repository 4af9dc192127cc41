// SPDX-License-Identifier: Apache-2.0
// Lines for a terminal of 80 columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace llmd::inspect {

inline constexpr size_t kColumns = 80;

/// `words` with `separator` between them, on as many lines as they need: each begins with `indent`
/// spaces, but the first with `head`. Bytes that do not print are replaced.
std::string wrap(std::string_view head, size_t indent, const std::vector<std::string>& words,
                 std::string_view separator = " ");

/// The words of `text`, which spaces separate.
std::vector<std::string> words_of(std::string_view text);

/// Every line of `text` moved right by `indent`.
std::string indented(std::string_view text, size_t indent);

}  // namespace llmd::inspect
