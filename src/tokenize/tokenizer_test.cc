// SPDX-License-Identifier: Apache-2.0
#include "tokenize/tokenizer.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "base/random.h"
#include "tokenize/byte_level.h"

namespace llmd::tokenize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<TokenId>;

/// A byte-level BPE file: the 256 bytes have ids 0…255, each merge adds the next id. `extra` is
/// further top-level fields, `model` further fields of the model.
std::string byte_level_json(const std::vector<std::pair<std::string, std::string>>& merges,
                            const std::string& extra = "", const std::string& model = "") {
  std::string vocab;
  for (int byte = 0; byte < 256; ++byte) {
    std::string token = byte_level_encode(std::string(1, static_cast<char>(byte)));
    if (token == "\"" || token == "\\") token.insert(0, 1, '\\');
    vocab += fmt::format("{}\"{}\":{}", byte == 0 ? "" : ",", token, byte);
  }
  std::string pairs;
  int id = 256;
  for (const auto& [left, right] : merges) {
    vocab += fmt::format(",\"{}{}\":{}", left, right, id++);
    pairs += fmt::format("{}\"{} {}\"", pairs.empty() ? "" : ",", left, right);
  }
  return fmt::format(R"({{"pre_tokenizer":{{"type":"ByteLevel","add_prefix_space":false}},
      "decoder":{{"type":"ByteLevel"}},{}
      "model":{{"type":"BPE",{}"vocab":{{{}}},"merges":[{}]}}}})",
                     extra, model, vocab, pairs);
}

std::unique_ptr<Tokenizer> load(const std::string& json) {
  auto parsed = parse_tokenizer(json);
  EXPECT_TRUE(parsed.ok()) << (parsed.ok() ? "" : parsed.error().message);
  return parsed.ok() ? std::move(*parsed) : nullptr;
}

std::string streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip = false) {
  StreamDecoder stream(tokenizer, skip);
  std::string text;
  for (TokenId id : ids) text += stream.append(id);
  return text + stream.finish();
}

TEST(ByteLevelBpe, MergesLowestRankFirstAndLeftmostAmongEquals) {
  const auto t = load(byte_level_json({{"b", "c"}, {"a", "b"}, {"a", "a"}, {"aa", "a"}}));
  EXPECT_THAT(t->encode("abc", false), ElementsAre('a', 256));
  EXPECT_THAT(t->encode("ab", false), ElementsAre(257));
  EXPECT_THAT(t->encode("aaa", false), ElementsAre(259));
  EXPECT_THAT(t->encode("aaaaa", false), ElementsAre(258, 259));
}

TEST(ByteLevelBpe, LongAndShortWordsMergeAlike) {
  const auto t = load(byte_level_json({{"a", "b"}, {"ab", "ab"}, {"b", "a"}, {"abab", "ba"}}));
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    // A prefix of a long word that ends in a byte that merges with nothing encodes as it does
    // alone.
    std::string word;
    for (uint64_t i = 0, n = 1 + random.below(24); i < n; ++i) word += random.below(2) ? 'a' : 'b';
    const Ids alone = t->encode(word + "x", false);
    std::string longer;
    Ids expected;
    for (int i = 0; i < 5; ++i) {
      longer += word + "x";
      expected.insert(expected.end(), alone.begin(), alone.end());
    }
    EXPECT_EQ(t->encode(longer, false), expected) << word;
  }
}

TEST(ByteLevelBpe, WordsAreGpt2s) {
  const auto t = load(byte_level_json({{"Ġ", "a"}, {"Ġ", "Ġ"}, {"'", "s"}, {"1", "a"}}));
  EXPECT_THAT(t->encode("a a", false), ElementsAre('a', 256));
  EXPECT_THAT(t->encode("   a", false), ElementsAre(257, 256));
  EXPECT_THAT(t->encode("a's", false), ElementsAre('a', 258));
  EXPECT_THAT(t->encode("1a", false), ElementsAre('1', 'a'));
}

TEST(ByteLevelBpe, IgnoreMergesTakesWholeWordsFromTheVocabulary) {
  const std::string json = byte_level_json({{"a", "b"}, {"b", "c"}, {"a", "bc"}});
  EXPECT_THAT(load(json)->encode("abc", false), ElementsAre(256, 'c'));
  const std::string ignoring =
      byte_level_json({{"a", "b"}, {"b", "c"}, {"a", "bc"}}, "", R"("ignore_merges":true,)");
  EXPECT_THAT(load(ignoring)->encode("abc", false), ElementsAre(258));
}

TEST(ByteLevelBpe, BadUtf8BecomesReplacementCharacters) {
  const auto t = load(byte_level_json({}));
  EXPECT_EQ(t->decode(t->encode("a\xFF\xE2\x82z\xF0\x9F", false), false), "a\uFFFD\uFFFDz\uFFFD");
  EXPECT_EQ(t->decode(t->encode("\xED\xA0\x80", false), false), "\uFFFD\uFFFD\uFFFD");
}

TEST(ByteLevelBpe, DecodeSkipsUnknownIdsAndEndsHalfCharacters) {
  const auto t = load(byte_level_json({}));
  EXPECT_EQ(t->decode(Ids{'a', 9999, 'b'}, false), "ab");
  EXPECT_EQ(t->decode(Ids{'a', 0xE2, 0x82}, false), "a\uFFFD");
  EXPECT_EQ(t->vocab_size(), 256u);
}

TEST(StreamDecoder, GivesOutWholeCharactersOnly) {
  const auto t = load(byte_level_json({}));
  StreamDecoder stream(*t, false);
  EXPECT_EQ(stream.append(0xE2), "");
  EXPECT_EQ(stream.append(0x82), "");
  EXPECT_EQ(stream.append(0xAC), "€");
  EXPECT_EQ(stream.append(0xF0), "");
  EXPECT_EQ(stream.append('x'), "\uFFFDx");
  EXPECT_EQ(stream.append(0xC3), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(StreamDecoder, JoinedEqualsDecodeOfTheWhole) {
  const auto t = load(byte_level_json({{"Ã", "©"}, {"ð", "Ł"}}));
  Random random(11);
  for (int round = 0; round < 500; ++round) {
    Ids ids;
    for (int i = 0; i < 12; ++i) {
      ids.push_back(
          static_cast<TokenId>(random.below(3) ? 0x80 + random.below(0x82) : random.below(258)));
    }
    EXPECT_EQ(streamed(*t, ids), t->decode(ids, false));
  }
}

TEST(StreamDecoder, APrimedStreamCompletesThePromptsCharacter) {
  const auto t = load(byte_level_json({}));
  StreamDecoder stream(*t, false);
  stream.prime(Ids{'a', 0xE2, 0x82});
  EXPECT_EQ(stream.append(0xAC), "€");
}

TEST(Words4, FourBytesAreOneToken) {
  const auto t = make_words4();
  EXPECT_THAT(t->encode("abcdefg", true), ElementsAre(0x64636261u, 0x00676665u));
  EXPECT_EQ(t->decode(t->encode("abcdefg", true), true), "abcdefg");
  EXPECT_EQ(t->encode("", true), Ids{});
  const std::string text = "héllo wörld 🎉";
  EXPECT_EQ(streamed(*t, t->encode(text, false)), text);
  EXPECT_EQ(t->token_to_id("abcd"), 0x64636261u);
  EXPECT_EQ(t->id_to_token(0x64636261u), "abcd");
}

}  // namespace
}  // namespace llmd::tokenize
