// SPDX-License-Identifier: Apache-2.0
// What an engine without a model is to answer, and how long.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/types.h"

namespace llmd::engine {

/// How many tokens an answer has before its end comes by itself.
struct OutputLength {
  enum class Kind : uint8_t { kUnbounded, kUniform, kNormal, kLogNormal };

  Kind kind = Kind::kUnbounded;  ///< max_tokens alone ends an answer
  double first = 0;              ///< least, or mean
  double second = 0;             ///< most, or standard deviation

  /// A pure function of the seed; at least 1.
  uint32_t draw(uint64_t seed) const;
};

/// Reads "uniform:MIN:MAX", "normal:MEAN:STDDEV", "lognormal:MEAN:STDDEV" or a number.
Result<OutputLength> parse_output_length(std::string_view text);

/// What a script depends on.
struct Question {
  size_t prompt_size = 0;
  std::optional<std::span<const TokenId>> verbatim;  ///< what the answer is to be
  uint64_t seed = 0;
  bool has_max_tokens = false;
  bool ignore_eos = false;
};

/// Immutable; any thread.
class AnswerMaker {
 public:
  enum class Mode : uint8_t { kRandom, kEcho };

  AnswerMaker(Mode mode, OutputLength length) : mode_(mode), length_(length) {}

  /// The script of one choice; null: anything, up to the request's max_tokens.
  std::shared_ptr<const Script> script(const Question& question) const;
  bool echoes() const { return mode_ == Mode::kEcho; }

 private:
  Mode mode_;
  OutputLength length_;
};

}  // namespace llmd::engine
