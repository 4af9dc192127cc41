// SPDX-License-Identifier: Apache-2.0
#include "resources/quantity.h"

#include <fmt/core.h>

#include <array>
#include <optional>

#include "base/text.h"

namespace llmd::resources {
namespace {

constexpr uint64_t kCpuMilliMax = 4096 * 1000;
constexpr uint64_t kMemoryBytesMax = uint64_t{1} << 60;

/// Wide enough for any product of two quantities.
__extension__ using Wide = unsigned __int128;

struct Suffix {
  std::string_view text;
  uint64_t factor;
};
/// Binary ones first: "Mi" must not be read as "M".
constexpr std::array<Suffix, 10> kSuffixes = {{{"Ki", uint64_t{1} << 10},
                                               {"Mi", uint64_t{1} << 20},
                                               {"Gi", uint64_t{1} << 30},
                                               {"Ti", uint64_t{1} << 40},
                                               {"Pi", uint64_t{1} << 50},
                                               {"k", 1'000},
                                               {"M", 1'000'000},
                                               {"G", 1'000'000'000},
                                               {"T", 1'000'000'000'000},
                                               {"P", 1'000'000'000'000'000}}};

/// `text` × `factor` when that is a whole number: "1.5" × 1000 = 1500.
std::optional<uint64_t> scaled(std::string_view text, uint64_t factor) {
  const size_t point = text.find('.');
  const auto whole = parse_uint(text.substr(0, point));
  Wide value = static_cast<Wide>(whole.value_or(0)) * factor;
  if (!whole) return std::nullopt;
  if (point != std::string_view::npos) {
    const std::string_view digits = text.substr(point + 1);
    const auto fraction = parse_uint(digits);
    if (!fraction || digits.size() > 9) return std::nullopt;
    Wide divisor = 1;
    for (size_t i = 0; i < digits.size(); ++i) divisor *= 10;
    const Wide part = static_cast<Wide>(*fraction) * factor;
    if (part % divisor != 0) return std::nullopt;
    value += part / divisor;
  }
  if (value == 0 || value > kMemoryBytesMax) return std::nullopt;
  return static_cast<uint64_t>(value);
}

}  // namespace

Result<uint32_t> parse_cpu_milli(std::string_view text) {
  const bool is_milli = text.ends_with('m');
  const auto milli = is_milli ? scaled(text.substr(0, text.size() - 1), 1) : scaled(text, 1000);
  if (!milli || *milli > kCpuMilliMax) {
    return invalid_argument(fmt::format("\"{}\" is no CPU quantity such as 2, 1.5 or 500m", text));
  }
  return static_cast<uint32_t>(*milli);
}

std::string print_cpu_milli(uint32_t milli) {
  return milli % 1000 == 0 ? fmt::format("{}", milli / 1000) : fmt::format("{}m", milli);
}

namespace {

/// Nothing for 0 too, as for what is no quantity.
std::optional<uint64_t> parse_suffixed(std::string_view text) {
  std::string_view number = text;
  uint64_t factor = 1;
  for (const Suffix& suffix : kSuffixes) {
    if (!number.ends_with(suffix.text)) continue;
    number.remove_suffix(suffix.text.size());
    factor = suffix.factor;
    break;
  }
  return scaled(number, factor);
}

}  // namespace

Result<uint64_t> parse_quantity(std::string_view text) {
  if (text == "0") return uint64_t{0};
  if (const auto value = parse_suffixed(text)) return *value;
  return invalid_argument(fmt::format("\"{}\" is no quantity such as 500, 1k or 10Gi", text));
}

Result<uint64_t> parse_memory_bytes(std::string_view text) {
  if (const auto bytes = parse_suffixed(text)) return *bytes;
  return invalid_argument(fmt::format("\"{}\" is no memory quantity such as 512Mi or 1Gi", text));
}

std::string print_memory_bytes(uint64_t bytes) {
  for (size_t i = 5; i-- > 0;) {
    if (bytes % kSuffixes[i].factor == 0) {
      return fmt::format("{}{}", bytes / kSuffixes[i].factor, kSuffixes[i].text);
    }
  }
  return fmt::format("{}", bytes);
}

}  // namespace llmd::resources
