// SPDX-License-Identifier: Apache-2.0
// Tables and numbers for a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace llmd::bench {

/// Columns as wide as their widest cell, two spaces apart. The first `left` columns are flush left,
/// the others flush right.
class TextTable {
 public:
  explicit TextTable(size_t left = 1) : left_(left) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// A line of dashes under everything so far.
  void rule() { rows_.emplace_back(); }
  /// Every line ends with a newline and has no trailing spaces.
  std::string text() const;

 private:
  std::vector<size_t> widths() const;

  size_t left_;
  std::vector<std::vector<std::string>> rows_;  ///< an empty one is a rule
};

/// Three digits and the unit that suits: "412 us", "38.4 ms", "2.10 s", "125 s".
std::string format_ns(double ns);
/// Three significant digits, or all digits before the point: "0.0312", "31.2", "31,245".
std::string format_number(double value);
/// Both with the decimals that suit the estimate: "31.2 ±0.4".
std::string format_interval(double estimate, double half_width);
std::string format_count(uint64_t value);  ///< "1,204,511"
std::string format_share(double share);    ///< 0.913 is "91.3 %"

/// `text` from outside, fit for a terminal: at most `columns_max` characters, what is not printable
/// or not UTF-8 replaced by '?'.
std::string printable(std::string_view text, size_t columns_max);

}  // namespace llmd::bench
