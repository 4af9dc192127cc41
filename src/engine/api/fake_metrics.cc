// SPDX-License-Identifier: Apache-2.0
#include "engine/api/fake_metrics.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "base/text.h"

namespace llmd::engine {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 5> kKinds = {"fixed", "oscillate", "ramp", "rampreset",
                                                    "squarewave"};
constexpr double kValueMax = 1e9;

Result<FakeValue> parse_function(std::string_view text) {
  const auto parts = split(text, ':');
  const auto kind = std::find(kKinds.begin() + 1, kKinds.end(), parts.front());
  const auto number = [&](size_t i) {
    return i < parts.size() ? parse_decimal(parts[i]) : std::nullopt;
  };
  const auto from = number(1);
  const auto to = number(2);
  const auto period = number(3);
  if (kind == kKinds.end() || parts.size() != 4 || !from || !to || !period || *period <= 0) {
    return invalid_argument(fmt::format(
        "\"{}\" must be oscillate, ramp, rampreset or squarewave, then :FROM:TO:SECONDS", text));
  }
  return FakeValue{static_cast<FakeValue::Kind>(kind - kKinds.begin()), *from, *to, *period};
}

Result<FakeValue> parse_value(const std::string& key, const Json& value, double most) {
  FakeValue out;
  if (value.is_number()) {
    out.from = out.to = value.get<double>();
  } else if (value.is_string()) {
    LLMD_ASSIGN_OR_RETURN(out, parse_function(value.get_ref<const std::string&>()));
  } else {
    return invalid_argument(key + " must be a number or a function");
  }
  if (std::min(out.from, out.to) < 0 || std::max(out.from, out.to) > most) {
    return invalid_argument(fmt::format("{} must stay between 0 and {}", key, most));
  }
  return out;
}

}  // namespace

double FakeValue::at(double seconds) const {
  const double periods = seconds / period_s;
  const double phase = periods - std::floor(periods);
  switch (kind) {
    case Kind::kFixed:
      return from;
    case Kind::kOscillate:
      return from + (to - from) * (1 - std::cos(2 * std::numbers::pi * phase)) / 2;
    case Kind::kRamp:
      return from + (to - from) * std::min(periods, 1.0);
    case Kind::kRampReset:
      return from + (to - from) * phase;
    case Kind::kSquareWave:
      return phase < 0.5 ? from : to;
  }
  return from;
}

void FakeMetrics::apply(EngineMetrics& metrics, double seconds) const {
  if (running) metrics.running.set(std::round(running->at(seconds)));
  if (waiting) metrics.waiting.set(std::round(waiting->at(seconds)));
  if (kv_usage) metrics.kv_usage.set(kv_usage->at(seconds));
}

Result<FakeMetrics> parse_fake_metrics(std::string_view json) {
  const Json object = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return invalid_argument("must be a JSON object");
  FakeMetrics out;
  for (const auto& [key, value] : object.items()) {
    if (key == "running-requests") {
      LLMD_ASSIGN_OR_RETURN(out.running, parse_value(key, value, kValueMax));
    } else if (key == "waiting-requests") {
      LLMD_ASSIGN_OR_RETURN(out.waiting, parse_value(key, value, kValueMax));
    } else if (key == "kv-cache-usage") {
      LLMD_ASSIGN_OR_RETURN(out.kv_usage, parse_value(key, value, 1));
    } else {
      return invalid_argument(fmt::format(
          "there is no {}; known are running-requests, waiting-requests and kv-cache-usage", key));
    }
  }
  return out;
}

}  // namespace llmd::engine
