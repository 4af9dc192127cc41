// SPDX-License-Identifier: Apache-2.0
#include "bench/report/text_table.h"

#include <fmt/core.h>
#include <utf8proc.h>

#include <algorithm>
#include <cmath>

namespace llmd::bench {
namespace {

/// Characters, not bytes: what continues one does not count.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string group_digits(std::string digits) {
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

/// Decimals that leave three significant digits of `value`, at most four.
int decimals(double value) {
  const double size = std::abs(value);
  int out = 0;
  for (double bound = 99.95; size < bound && out < 4; bound /= 10) ++out;
  return out;
}

std::string three_digits(double value) {
  return fmt::format("{:.{}f}", value, value == 0 ? 0 : decimals(value));
}

}  // namespace

std::vector<size_t> TextTable::widths() const {
  std::vector<size_t> out;
  for (const auto& cells : rows_) {
    out.resize(std::max(out.size(), cells.size()));
    for (size_t i = 0; i < cells.size(); ++i) out[i] = std::max(out[i], width(cells[i]));
  }
  return out;
}

std::string TextTable::text() const {
  const std::vector<size_t> columns = widths();
  size_t total = columns.empty() ? 0 : 2 * (columns.size() - 1);
  for (const size_t column : columns) total += column;
  std::string out;
  for (const auto& cells : rows_) {
    std::string line;
    if (cells.empty()) line.assign(total, '-');
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string space(columns[i] - width(cells[i]), ' ');
      if (i > 0) line += "  ";
      line += i < left_ ? cells[i] + space : space + cells[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

std::string format_ns(double ns) {
  if (ns < 999.5e3) return three_digits(ns / 1e3) + " us";
  if (ns < 999.5e6) return three_digits(ns / 1e6) + " ms";
  return three_digits(ns / 1e9) + " s";
}

std::string format_number(double value) {
  if (!std::isfinite(value)) return "-";
  if (value >= 999.5) return group_digits(fmt::format("{:.0f}", value));
  if (value != 0 && std::abs(value) < 0.00095) return fmt::format("{:.2g}", value);
  return three_digits(value);
}

std::string format_interval(double estimate, double half_width) {
  return fmt::format("{} ±{:.{}f}", format_number(estimate), half_width, decimals(estimate));
}

std::string format_count(uint64_t value) { return group_digits(std::to_string(value)); }

std::string format_share(double share) {
  return share >= 0.9995 ? "100 %" : fmt::format("{:.1f} %", 100 * share);
}

std::string printable(std::string_view text, size_t columns_max) {
  std::string out;
  for (size_t columns = 0; !text.empty() && columns < columns_max; ++columns) {
    utf8proc_int32_t code = -1;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
    const auto length = utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &code);
    const size_t taken = length > 0 ? static_cast<size_t>(length) : 1;
    const bool shown = length > 0 && utf8proc_charwidth(code) == 1;
    out += shown ? text.substr(0, taken) : "?";
    text.remove_prefix(taken);
  }
  return out;
}

}  // namespace llmd::bench
