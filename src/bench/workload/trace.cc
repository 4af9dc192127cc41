// SPDX-License-Identifier: Apache-2.0
#include "bench/workload/trace.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace llmd::bench {
namespace {

constexpr std::string_view kAzureHeader = "TIMESTAMP,ContextTokens,GeneratedTokens";

/// Reads one line after the other into `trace`; what a line breaks is said by a literal.
class LineReader {
 public:
  virtual ~LineReader() = default;
  /// Null when the line was fine.
  virtual const char* read(std::string_view line, Trace& trace) = 0;
};

std::optional<uint32_t> token_count(std::string_view text) {
  const auto count = parse_uint(trim(text));
  if (!count || *count > kTraceTokensMax) return std::nullopt;
  return static_cast<uint32_t>(*count);
}

/// Days since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms").
int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = year / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  constexpr int64_t kDaysToEpoch = 719468;  // from 0000-03-01
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         kDaysToEpoch;
}

/// The number in `text` at `at`, `size` digits long, if it is one from `min` to `max`.
std::optional<int64_t> digits(std::string_view text, size_t at, size_t size, int64_t min,
                              int64_t max) {
  if (text.size() < at + size) return std::nullopt;
  const auto value = parse_uint(text.substr(at, size));
  if (!value) return std::nullopt;
  const auto number = static_cast<int64_t>(*value);
  return number >= min && number <= max ? std::optional(number) : std::nullopt;
}

/// ".9799600" as nanoseconds; 0 for nothing.
std::optional<Duration> fraction_ns(std::string_view text) {
  constexpr size_t kDigitsMax = 9;
  if (text.empty()) return Duration(0);
  const auto value = parse_uint(text.substr(1));
  if (text.front() != '.' || !value || text.size() - 1 > kDigitsMax) return std::nullopt;
  auto nanoseconds = static_cast<int64_t>(*value);
  for (size_t i = text.size() - 1; i < kDigitsMax; ++i) nanoseconds *= 10;
  return Duration(nanoseconds);
}

/// "2023-11-16 18:17:03.9799600" since 1970.
std::optional<Duration> parse_timestamp(std::string_view text) {
  constexpr size_t kSecondsEnd = 19;
  const auto year = digits(text, 0, 4, 1970, 2200);
  const auto month = digits(text, 5, 2, 1, 12);
  const auto day = digits(text, 8, 2, 1, 31);
  const auto hour = digits(text, 11, 2, 0, 23);
  const auto minute = digits(text, 14, 2, 0, 59);
  const auto second = digits(text, 17, 2, 0, 60);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const auto fraction = fraction_ns(text.substr(kSecondsEnd));
  if (!fraction) return std::nullopt;
  const int64_t days = days_from_civil(*year, *month, *day);
  return std::chrono::hours(days * 24 + *hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + *fraction;
}

class AzureReader final : public LineReader {
 public:
  const char* read(std::string_view line, Trace& trace) override {
    if (line == kAzureHeader) return nullptr;
    const auto columns = split(line, ',');
    if (columns.size() != 3) return "expected TIMESTAMP,ContextTokens,GeneratedTokens";
    const auto at = parse_timestamp(trim(columns[0]));
    const auto input = token_count(columns[1]);
    const auto output = token_count(columns[2]);
    if (!at) return "the time is not like 2023-11-16 18:17:03.9799600";
    if (!input || !output) return "a number of tokens is none, or too large";
    trace.requests.push_back({.due = *at, .input_tokens = *input, .output_tokens = *output});
    return nullptr;
  }
};

class MooncakeReader final : public LineReader {
 public:
  const char* read(std::string_view line, Trace& trace) override {
    simdjson::dom::object object;
    if (parser_.parse(line.data(), line.size()).get_object().get(object) != simdjson::SUCCESS) {
      return "not a JSON object";
    }
    double timestamp_ms = 0;
    uint64_t input = 0;
    uint64_t output = 0;
    simdjson::dom::array ids;
    constexpr double kTimestampMax = 9e12;  // in nanoseconds it fits into 63 bits
    if (object["timestamp"].get_double().get(timestamp_ms) != simdjson::SUCCESS ||
        timestamp_ms < 0 || timestamp_ms > kTimestampMax) {
      return "\"timestamp\" must be milliseconds";
    }
    if (object["input_length"].get_uint64().get(input) != simdjson::SUCCESS ||
        object["output_length"].get_uint64().get(output) != simdjson::SUCCESS ||
        input > kTraceTokensMax || output > kTraceTokensMax) {
      return "\"input_length\" and \"output_length\" must be numbers of tokens";
    }
    if (object["hash_ids"].get_array().get(ids) != simdjson::SUCCESS) {
      return "\"hash_ids\" must be an array";
    }
    if (ids.size() != (input + kTraceBlockTokens - 1) / kTraceBlockTokens) {
      return "\"hash_ids\" must have one id for each 512 tokens of \"input_length\"";
    }
    return add(trace, timestamp_ms, input, output, ids);
  }

 private:
  static const char* add(Trace& trace, double timestamp_ms, uint64_t input, uint64_t output,
                         const simdjson::dom::array& ids) {
    const size_t first = trace.blocks.size();
    for (const auto element : ids) {
      uint64_t id = 0;
      if (element.get_uint64().get(id) != simdjson::SUCCESS) {
        trace.blocks.resize(first);
        return "\"hash_ids\" must hold whole numbers";
      }
      trace.blocks.push_back(id);
    }
    constexpr double kNanosecondsPerMs = 1e6;
    trace.requests.push_back(
        {.due = Duration(static_cast<int64_t>(timestamp_ms * kNanosecondsPerMs)),
         .input_tokens = static_cast<uint32_t>(input),
         .output_tokens = static_cast<uint32_t>(output),
         .first_block = first,
         .block_count = static_cast<uint32_t>(ids.size())});
    return nullptr;
  }

  simdjson::dom::parser parser_;
};

/// Sorted, and counted from the first.
void align_times(Trace& trace) {
  std::stable_sort(trace.requests.begin(), trace.requests.end(),
                   [](const auto& a, const auto& b) { return a.due < b.due; });
  const Duration origin = trace.requests.front().due;
  for (TraceRequest& request : trace.requests) request.due -= origin;
}

}  // namespace

Result<Trace> parse_trace(std::string_view text, TraceFormat format, const std::string& file,
                          bool skip_broken_lines) {
  AzureReader azure;
  MooncakeReader mooncake;
  LineReader& reader = format == TraceFormat::kAzure ? static_cast<LineReader&>(azure) : mooncake;
  Trace trace;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const char* broken = reader.read(line, trace);
    if (broken == nullptr) continue;
    if (!skip_broken_lines) {
      return invalid_argument(fmt::format("{}:{}: {}", file, number, broken));
    }
    ++trace.skipped_lines;
  }
  if (trace.requests.empty()) return invalid_argument(file + ": holds no request");
  align_times(trace);
  return trace;
}

}  // namespace llmd::bench
