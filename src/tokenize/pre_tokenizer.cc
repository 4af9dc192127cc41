// SPDX-License-Identifier: Apache-2.0
#include "tokenize/pre_tokenizer.h"

#include <fmt/core.h>

#include "tokenize/byte_level.h"
#include "tokenize/split_step.h"
#include "tokenize/utf8.h"

namespace llmd::tokenize {
namespace {

using Step = PreTokenizer::Step;
using StepResult = Result<std::unique_ptr<const Step>>;

/// GPT-2's words: contractions, letters, digits, other, each with the space before it; spaces.
constexpr std::string_view kGpt2Words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// Rewrites every word by `rewrite(word, is_first, out)`.
template <typename Rewrite>
void rewrite_words(Words& words, Rewrite rewrite) {
  std::string text;
  text.reserve(words.text.size() + words.text.size() / 2);
  for (size_t i = 0; i < words.spans.size(); ++i) {
    const size_t begin = text.size();
    rewrite(words.at(i), i == 0, text);
    words.spans[i] = {begin, text.size()};
  }
  words.storage = std::move(text);
  words.text = words.storage;
}

class PrefixSpace final : public Step {
 public:
  void apply(Words& words) const override {
    rewrite_words(words, [](std::string_view word, bool, std::string& out) {
      if (!word.starts_with(' ')) out.push_back(' ');
      out.append(word);
    });
  }
};

class ByteAlphabet final : public Step {
 public:
  void apply(Words& words) const override {
    rewrite_words(words, [](std::string_view word, bool, std::string& out) {
      out.append(byte_level_encode(word));
    });
  }
};

enum class PrependScheme : uint8_t { kAlways, kFirst, kNever };

class MetaspaceMark final : public Step {
 public:
  MetaspaceMark(std::string_view mark, PrependScheme scheme)
      : mark_(mark), scheme_(scheme), space_(Pattern::literal(" ")) {}
  void apply(Words& words) const override {
    rewrite_words(words, [&](std::string_view word, bool is_first, std::string& out) {
      const bool wants_mark = scheme_ == PrependScheme::kAlways ||
                              (scheme_ == PrependScheme::kFirst && is_first && words.at_start);
      if (wants_mark && !word.starts_with(mark_) && !word.starts_with(' ')) out.append(mark_);
      space_.replace_all(word, mark_, out);
    });
  }

 private:
  std::string mark_;
  PrependScheme scheme_;
  Pattern space_;
};

using Steps = std::vector<std::unique_ptr<const Step>>;

Result<void> add_split(Pattern pattern, SplitBehavior behavior, bool invert, Steps& steps) {
  steps.push_back(std::make_unique<const SplitStep>(std::move(pattern), behavior, invert));
  return {};
}

Result<void> add_regex_split(std::string_view regex, SplitBehavior behavior, bool invert,
                             Steps& steps) {
  LLMD_ASSIGN_OR_RETURN(Pattern pattern, Pattern::regex(regex));
  return add_split(std::move(pattern), behavior, invert, steps);
}

Result<void> parse_split(Json json, Steps& steps) {
  LLMD_ASSIGN_OR_RETURN(Pattern pattern, Pattern::parse(json, "pre_tokenizer Split"));
  LLMD_ASSIGN_OR_RETURN(const auto name, text_field(json, "behavior", "pre_tokenizer Split"));
  LLMD_ASSIGN_OR_RETURN(const SplitBehavior behavior, parse_split_behavior(name));
  LLMD_ASSIGN_OR_RETURN(const bool invert,
                        bool_field(json, "invert", false, "pre_tokenizer Split"));
  return add_split(std::move(pattern), behavior, invert, steps);
}

Result<void> parse_byte_level(Json json, bool is_last, Steps& steps) {
  constexpr std::string_view kWhere = "pre_tokenizer ByteLevel";
  LLMD_ASSIGN_OR_RETURN(const bool prefix, bool_field(json, "add_prefix_space", true, kWhere));
  LLMD_ASSIGN_OR_RETURN(const bool use_regex, bool_field(json, "use_regex", true, kWhere));
  if (prefix) steps.push_back(std::make_unique<const PrefixSpace>());
  if (use_regex) {
    LLMD_RETURN_IF_ERROR(add_regex_split(kGpt2Words, SplitBehavior::kIsolated, false, steps));
  }
  if (!is_last) steps.push_back(std::make_unique<const ByteAlphabet>());
  return {};
}

/// Files written before "prepend_scheme" existed say add_prefix_space.
Result<PrependScheme> parse_scheme(Json json) {
  constexpr std::string_view kWhere = "pre_tokenizer Metaspace";
  LLMD_ASSIGN_OR_RETURN(const bool prefix, bool_field(json, "add_prefix_space", true, kWhere));
  if (!field(json, "prepend_scheme"))
    return prefix ? PrependScheme::kAlways : PrependScheme::kNever;
  LLMD_ASSIGN_OR_RETURN(const auto scheme, text_field(json, "prepend_scheme", kWhere));
  if (scheme == "always") return PrependScheme::kAlways;
  if (scheme == "first") return PrependScheme::kFirst;
  if (scheme == "never") return PrependScheme::kNever;
  return unknown_type("Metaspace prepend_scheme", scheme);
}

Result<void> parse_metaspace(Json json, Steps& steps) {
  LLMD_ASSIGN_OR_RETURN(const auto mark,
                        text_field(json, "replacement", "pre_tokenizer Metaspace"));
  LLMD_ASSIGN_OR_RETURN(const PrependScheme scheme, parse_scheme(json));
  LLMD_ASSIGN_OR_RETURN(const bool split, bool_field(json, "split", true, "Metaspace"));
  steps.push_back(std::make_unique<const MetaspaceMark>(mark, scheme));
  if (!split) return {};
  return add_split(Pattern::literal(mark), SplitBehavior::kMergedWithNext, false, steps);
}

Result<void> parse_digits(Json json, Steps& steps) {
  LLMD_ASSIGN_OR_RETURN(const bool individual,
                        bool_field(json, "individual_digits", false, "pre_tokenizer Digits"));
  return add_regex_split(
      R"(\p{N})", individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous, false, steps);
}

Result<void> parse_punctuation(Json json, Steps& steps) {
  auto behavior = SplitBehavior::kIsolated;
  if (field(json, "behavior")) {
    LLMD_ASSIGN_OR_RETURN(const auto name, text_field(json, "behavior", "Punctuation"));
    LLMD_ASSIGN_OR_RETURN(behavior, parse_split_behavior(name));
  }
  return add_regex_split(R"([!-/:-@\[-`{-~]|\p{P})", behavior, false, steps);
}

Result<void> parse_step(Json json, bool is_last, Steps& steps) {
  LLMD_ASSIGN_OR_RETURN(const std::string_view type, text_field(json, "type", "pre_tokenizer"));
  if (type == "Split") return parse_split(json, steps);
  if (type == "ByteLevel") return parse_byte_level(json, is_last, steps);
  if (type == "Metaspace") return parse_metaspace(json, steps);
  if (type == "Digits") return parse_digits(json, steps);
  if (type == "Punctuation") return parse_punctuation(json, steps);
  if (type == "Whitespace") {
    return add_regex_split(R"(\w+|[^\w\s]+)", SplitBehavior::kRemoved, true, steps);
  }
  if (type == "WhitespaceSplit") {
    return add_regex_split(R"(\s)", SplitBehavior::kRemoved, false, steps);
  }
  return unknown_type("pre_tokenizer", type);
}

}  // namespace

void Words::reset(std::string_view whole_text, bool is_at_start) {
  text = whole_text;
  at_start = is_at_start;
  spans.clear();
  if (!whole_text.empty()) spans.push_back({0, whole_text.size()});
}

Result<PreTokenizer> PreTokenizer::parse(std::optional<Json> json) {
  LLMD_ASSIGN_OR_RETURN(const auto steps, flatten_sequence(json, "pretokenizers", "pre_tokenizer"));
  PreTokenizer pre_tokenizer;
  for (size_t i = 0; i < steps.size(); ++i) {
    LLMD_RETURN_IF_ERROR(parse_step(steps[i], i + 1 == steps.size(), pre_tokenizer.steps_));
  }
  pre_tokenizer.ends_in_bytes_ =
      !steps.empty() && text_field(steps.back(), "type", "pre_tokenizer").value() == "ByteLevel";
  return pre_tokenizer;
}

void PreTokenizer::apply(Words& words) const {
  for (const auto& step : steps_) step->apply(words);
}

}  // namespace llmd::tokenize
