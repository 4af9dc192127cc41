// SPDX-License-Identifier: Apache-2.0
// Small text helpers that several modules need.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace llmd {

/// ASCII-only, as protocol words are.
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string to_lower_ascii(std::string_view text);
std::string_view trim(std::string_view text);
/// Pieces between separators; keeps empty ones.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Decimal digits only, no sign, no space; nothing on overflow.
std::optional<uint64_t> parse_uint(std::string_view text);
/// A finite decimal number, as -12.5 or 1e-3; nothing else around it.
std::optional<double> parse_decimal(std::string_view text);

/// The candidate with the smallest edit distance to `word`, for "did you mean" in errors; nothing
/// when even the nearest differs in more than a third of its letters.
std::optional<std::string> nearest_word(std::string_view word,
                                        std::span<const std::string> candidates);

/// Reads a whole file of at most `bytes_max` bytes.
Result<std::string> read_file(const std::string& path, size_t bytes_max);
/// The same of the standard input, to its end.
Result<std::string> read_stdin(size_t bytes_max);
/// Writes `content` beside `path` and renames it over, so that a reader never sees half of it.
Result<void> write_file_atomically(const std::string& path, std::string_view content);

}  // namespace llmd
