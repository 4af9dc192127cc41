// SPDX-License-Identifier: Apache-2.0
#include "engine/batch/text_output.h"

#include <gtest/gtest.h>

namespace llmd::engine {
namespace {

/// Tokens of up to four bytes each, by the words4 tokenizer.
std::vector<tokenize::TokenId> pieces(const std::vector<std::string>& texts) {
  std::vector<tokenize::TokenId> out;
  for (const std::string& text : texts) {
    for (const auto id : tokenize::make_words4()->encode(text, false)) out.push_back(id);
  }
  return out;
}

struct Shown {
  std::string text;
  std::vector<std::string> steps;
  std::string stop;
};

Shown show(const std::vector<std::string>& texts, TextRules rules, size_t min_tokens = 0) {
  const auto tokenizer = tokenize::make_words4();
  TextOutput output(*tokenizer, std::move(rules), {});
  Shown shown;
  size_t count = 0;
  for (const auto id : pieces(texts)) {
    shown.steps.emplace_back(output.append(id, ++count > min_tokens));
    shown.text += shown.steps.back();
    if (output.stop_string() != nullptr) {
      shown.stop = *output.stop_string();
      return shown;
    }
  }
  shown.text += output.finish();
  return shown;
}

TEST(TextOutput, WithoutStopStringsNothingIsHeldBack) {
  EXPECT_EQ(show({"ab", "cd"}, {}).steps, (std::vector<std::string>{"ab", "cd"}));
}

TEST(TextOutput, StopStringAcrossTokensIsNeverShown) {
  const Shown shown = show({"one ", "S", "TO", "P it"}, {{"STOP"}});
  EXPECT_EQ(shown.steps, (std::vector<std::string>{"one ", "", "", ""}));
  EXPECT_EQ(shown.stop, "STOP");
}

TEST(TextOutput, WhatTurnsOutToBeHarmlessIsShownLater) {
  const Shown shown = show({"S", "TO", "x", "ST"}, {{"STOP"}});
  EXPECT_EQ(shown.steps, (std::vector<std::string>{"", "", "STOx", ""}));
  EXPECT_EQ(shown.text, "STOxST");
  EXPECT_EQ(show({"aab"}, {{"ab"}}).text, "a");
  EXPECT_EQ(show({"aaac", "aab"}, {{"aab"}}).text, "aaac");
}

TEST(TextOutput, TheStopStringThatBeginsFirstWins) {
  const Shown shown = show({"abcd"}, {{"cd", "bc"}});
  EXPECT_EQ(shown.text, "a");
  EXPECT_EQ(shown.stop, "bc");
}

TEST(TextOutput, StopStringIsShownWhereAskedFor) {
  EXPECT_EQ(show({"abSt", "opcd"}, {{"Stop"}, true}).text, "abStop");
}

TEST(TextOutput, StopStringsBelowMinTokensDoNotCount) {
  const Shown shown = show({"XX", "ab", "XX", "cd"}, {{"XX"}}, 1);
  EXPECT_EQ(shown.text, "XXab");
  EXPECT_EQ(shown.stop, "XX");
  EXPECT_EQ(show({"aX", "Xb"}, {{"XX"}}, 1).text, "a");  // ends beyond the first token
}

}  // namespace
}  // namespace llmd::engine
