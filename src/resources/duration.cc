// SPDX-License-Identifier: Apache-2.0
#include "resources/duration.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace llmd::resources {
namespace {

constexpr double kHoursMax = 1000;

struct Unit {
  std::string_view text;
  double ns;
};
constexpr std::array<Unit, 6> kUnits = {
    {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};

/// Takes one number with its unit off the front of `text`.
std::optional<double> take_part(std::string_view& text) {
  const size_t number_end = std::min(text.find_first_not_of("0123456789."), text.size());
  const size_t unit_end = std::min(text.find_first_of("0123456789.", number_end), text.size());
  const auto number = parse_decimal(text.substr(0, number_end));
  const std::string_view word = text.substr(number_end, unit_end - number_end);
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                                 [&](const Unit& each) { return each.text == word; });
  if (!number || unit == kUnits.end()) return std::nullopt;
  text.remove_prefix(unit_end);
  return *number * unit->ns;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  const Error error =
      invalid_argument(fmt::format("\"{}\" is no duration such as 60s, 1m30s or 200ms", text));
  if (text.empty()) return error;
  double total_ns = 0;
  while (!text.empty()) {
    const auto part = take_part(text);
    if (!part) return error;
    total_ns += *part;
  }
  if (total_ns > kHoursMax * 3600e9) {
    return invalid_argument(fmt::format("a duration must be at most {} hours", kHoursMax));
  }
  return Duration(static_cast<Duration::rep>(total_ns));
}

}  // namespace llmd::resources
