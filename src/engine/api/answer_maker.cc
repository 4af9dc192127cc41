// SPDX-License-Identifier: Apache-2.0
#include "engine/api/answer_maker.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/random.h"
#include "base/text.h"

namespace llmd::engine {
namespace {

constexpr double kLengthMax = 1 << 24;
constexpr uint32_t kDefaultLength = 128;
constexpr uint32_t kEndless = std::numeric_limits<uint32_t>::max();

/// Box and Muller's, from two uniform numbers.
double standard_normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.next_unit()));
  return radius * std::cos(2 * std::numbers::pi * random.next_unit());
}

/// A lognormal number of that mean and standard deviation.
double log_normal(Random& random, double mean, double deviation) {
  const double variance = std::log1p(deviation * deviation / (mean * mean));
  return std::exp(std::log(mean) - variance / 2 + std::sqrt(variance) * standard_normal(random));
}

}  // namespace

uint32_t OutputLength::draw(uint64_t seed) const {
  if (kind == Kind::kUnbounded) return kEndless;
  Random random(seed);
  double length = 0;
  if (kind == Kind::kUniform)
    length = first + std::floor(random.next_unit() * (second - first + 1));
  if (kind == Kind::kNormal) length = first + second * standard_normal(random);
  if (kind == Kind::kLogNormal) length = log_normal(random, first, second);
  return static_cast<uint32_t>(std::clamp(std::round(length), 1.0, kLengthMax));
}

Result<OutputLength> parse_output_length(std::string_view text) {
  const Error error = invalid_argument(fmt::format(
      "{}: give a number of tokens, uniform:MIN:MAX, normal:MEAN:STDDEV or lognormal:MEAN:STDDEV",
      text));
  using Kind = OutputLength::Kind;
  const auto parts = split(text, ':');
  if (parts.size() == 1) {
    const auto tokens = parse_uint(text);
    if (!tokens || *tokens == 0 || *tokens > kLengthMax) return error;
    return OutputLength{Kind::kUniform, static_cast<double>(*tokens), static_cast<double>(*tokens)};
  }
  if (parts.size() != 3) return error;
  const auto first = parse_decimal(parts[1]);
  const auto second = parse_decimal(parts[2]);
  if (!first || !second || *first < 1 || *first > kLengthMax) return error;
  if (*second < 0 || *second > kLengthMax) return error;
  if (parts[0] == "uniform" && *first <= *second)
    return OutputLength{Kind::kUniform, *first, *second};
  if (parts[0] == "normal") return OutputLength{Kind::kNormal, *first, *second};
  if (parts[0] == "lognormal") return OutputLength{Kind::kLogNormal, *first, *second};
  return error;
}

std::shared_ptr<const Script> AnswerMaker::script(const Question& question) const {
  Script script;
  script.prompt_size = static_cast<uint32_t>(question.prompt_size);
  if (question.verbatim) {
    script.tokens.assign(question.verbatim->begin(), question.verbatim->end());
    script.length = static_cast<uint32_t>(script.tokens.size());
  } else {
    script.length = length_.draw(question.seed);
    if (script.length == kEndless && !question.has_max_tokens) script.length = kDefaultLength;
  }
  if (question.ignore_eos) script.length = kEndless;
  if (script.length == kEndless && script.tokens.empty()) return nullptr;
  return std::make_shared<const Script>(std::move(script));
}

}  // namespace llmd::engine
