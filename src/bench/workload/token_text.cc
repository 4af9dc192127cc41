// SPDX-License-Identifier: Apache-2.0
#include "bench/workload/token_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace llmd::bench {
namespace {

constexpr size_t kWordsMax = 4096;

class Words4Text final : public TokenText {
 public:
  /// One random number makes three tokens of 20 bits.
  void append(std::string& out, const Piece& piece) const override {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz012345";
    constexpr uint32_t kTokensPerNumber = 3;
    Random random(piece.stream);
    const size_t begin = out.size();
    out.resize(begin + size_t{piece.tokens} * 4);
    char* at = out.data() + begin;
    uint64_t bits = 0;
    for (uint32_t i = 0; i < piece.tokens; ++i) {
      if (i % kTokensPerNumber == 0) bits = random.next();
      for (int letter = 0; letter < 4; ++letter, bits >>= 5U) *at++ = kLetters[bits & 31U];
    }
  }
};

class WordText final : public TokenText {
 public:
  explicit WordText(std::vector<std::string> words) : words_(std::move(words)) {}

  void append(std::string& out, const Piece& piece) const override {
    Random random(piece.stream);
    for (uint32_t i = 0; i < piece.tokens; ++i) {
      out += ' ';
      out += words_[random.below(words_.size())];
    }
  }

 private:
  std::vector<std::string> words_;
};

bool is_plain_word(std::string_view text) {
  constexpr size_t kLettersMin = 2;
  constexpr size_t kLettersMax = 12;
  return text.size() >= kLettersMin && text.size() <= kLettersMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// As the first word of a text, and between others. A tokenizer may add a begin of its own.
bool is_single_token(const tokenize::Tokenizer& tokenizer, const std::string& word) {
  const auto count = [&](const std::string& text) { return tokenizer.encode(text, false).size(); };
  return count(word) == 1 && count(word + " " + word) == 2 &&
         count(" " + word + " " + word) == count(" " + word) + 1;
}

}  // namespace

std::unique_ptr<TokenText> make_words4_text() { return std::make_unique<Words4Text>(); }

std::unique_ptr<TokenText> make_word_text(std::vector<std::string> words) {
  return std::make_unique<WordText>(std::move(words));
}

Result<std::vector<std::string>> single_token_words(const tokenize::Tokenizer& tokenizer) {
  std::vector<std::string> words;
  for (tokenize::TokenId id = 0; id < tokenizer.vocab_size() && words.size() < kWordsMax; ++id) {
    const tokenize::TokenId ids[] = {id};
    std::string word(trim(tokenizer.decode(ids, true)));
    if (is_plain_word(word) && is_single_token(tokenizer, word)) words.push_back(std::move(word));
  }
  // A vocabulary may hold a word twice, with its space and without.
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  if (words.size() < kWordsMin) {
    return invalid_argument(
        fmt::format("the tokenizer has only {} words of one token, too few to build prompts from",
                    words.size()));
  }
  return words;
}

const std::vector<std::string>& common_words() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> list;
    for (const std::string_view word : split(
             "the of and to in is that for it was on are as with his they at be this from have or "
             "by one had not but what all were when we there can an your which their said if do "
             "will each about how up out them then she many some so these would other into has "
             "more her two like him see time could no make than first been its who now people my "
             "made over did down only way find use may water long little very after words called "
             "just where most know get through back much before go good new write our used me man "
             "too any day same right look think also around another came come work three word must "
             "because does part even place well such here take why things help put years different "
             "away again off went old number great tell men say small every found still between "
             "name should home big give air line set own under read last never us left end along "
             "while might next sound below saw something thought both few those always looked show "
             "large often together asked house world going want school important until form food "
             "keep children feet land side without boy once animals life enough took four head "
             "above kind began almost live page got earth need far hand high year mother light "
             "country father let night picture being study second soon story since white ever "
             "paper hard near better best across during today however sure knew trying horse king",
             ' ')) {
      list.emplace_back(word);
    }
    return list;
  }();
  return words;
}

}  // namespace llmd::bench
