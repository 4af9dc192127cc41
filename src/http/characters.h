// SPDX-License-Identifier: Apache-2.0
// Character classes of RFC 9110 §5.6 and the fast test for header values.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace llmd::http {

constexpr std::array<bool, 256> make_table(std::string_view members, bool letters_and_digits) {
  std::array<bool, 256> table{};
  for (const char c : members) table[static_cast<uint8_t>(c)] = true;
  for (int c = 0; letters_and_digits && c < 256; ++c) {
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
      table[static_cast<size_t>(c)] = true;
    }
  }
  return table;
}

inline constexpr auto kTokenCharacters = make_table("!#$%&'*+-.^_`|~", true);
inline constexpr auto kHostCharacters = make_table("-._~!$&'()*+,;=:[]%", true);
/// As nginx: other methods exist only in attacks.
inline constexpr auto kMethodCharacters = make_table("ABCDEFGHIJKLMNOPQRSTUVWXYZ-_", false);

template <typename Table>
bool all_in(const Table& table, std::string_view text) {
  for (const char c : text) {
    if (!table[static_cast<uint8_t>(c)]) return false;
  }
  return true;
}

/// Eight bytes at once: whether any is below 0x20 or 0x7f. The classic "has less" and "has zero"
/// bit tricks, exact as a yes or no.
constexpr bool word_has_control(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101ULL;
  constexpr uint64_t kHighs = 0x8080808080808080ULL;
  const uint64_t below_space = (word - kOnes * 0x20) & ~word & kHighs;
  const uint64_t del = word ^ (kOnes * 0x7f);
  return (below_space | ((del - kOnes) & ~del & kHighs)) != 0;
}

/// Field values: no control characters but the tab (RFC 9110 §5.5).
inline bool is_field_value(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, sizeof word);
    if (word_has_control(word)) break;
  }
  for (; i < text.size(); ++i) {
    const auto c = static_cast<uint8_t>(text[i]);
    if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

}  // namespace llmd::http
