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

/// A Llama-2-like file: 3 specials, 256 bytes, then characters and merges.
std::string llama2_json(const std::string& normalizer, const std::string& pre_tokenizer) {
  std::string vocab = R"("<unk>":0,"<s>":1,"</s>":2)";
  for (int byte = 0; byte < 256; ++byte) vocab += fmt::format(",\"<0x{:02X}>\":{}", byte, byte + 3);
  int id = 259;
  for (const char* token : {"▁", "a", "b", "▁a", "ab", "▁ab", "▁▁"}) {
    vocab += fmt::format(",\"{}\":{}", token, id++);
  }
  return fmt::format(
      R"({{"added_tokens":[{{"id":1,"content":"<s>","special":true,"normalized":false}}],
       "normalizer":{},"pre_tokenizer":{},
       "post_processor":{{"type":"TemplateProcessing",
         "single":[{{"SpecialToken":{{"id":"<s>","type_id":0}}}},{{"Sequence":{{"id":"A"}}}}],
         "special_tokens":{{"<s>":{{"id":"<s>","ids":[1],"tokens":["<s>"]}}}}}},
       "decoder":{{"type":"Sequence","decoders":[
         {{"type":"Replace","pattern":{{"String":"▁"}},"content":" "}},{{"type":"ByteFallback"}},
         {{"type":"Fuse"}},{{"type":"Strip","content":" ","start":1,"stop":0}}]}},
       "model":{{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,
         "vocab":{{{}}},"merges":[["▁","a"],["a","b"],["▁a","b"],["▁","▁"]]}}}})",
      normalizer, pre_tokenizer, vocab);
}

const char kPrependAndReplace[] = R"({"type":"Sequence","normalizers":[
    {"type":"Prepend","prepend":"▁"},
    {"type":"Replace","pattern":{"String":" "},"content":"▁"}]})";
const char kMetaspace[] =
    R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false})";

TEST(Metaspace, BothStylesOfLlama2Encode) {
  for (const auto& t :
       {load(llama2_json(kPrependAndReplace, "null")), load(llama2_json("null", kMetaspace))}) {
    EXPECT_THAT(t->encode("ab a", true), ElementsAre(1, 264, 262));
    EXPECT_THAT(t->encode("€", false), ElementsAre(259, 0xE2 + 3, 0x82 + 3, 0xAC + 3));
    for (const char* text : {"ab a", "€ a\n", "a  b ", "日本 ab"}) {
      const Ids ids = t->encode(text, true);
      EXPECT_EQ(t->decode(ids, true), text);
      EXPECT_EQ(streamed(*t, ids, true), text);
    }
  }
}

TEST(Metaspace, SpaceAtTheBeginStaysWhereAMarkIsPrepended) {
  const auto prepends = load(llama2_json(kPrependAndReplace, "null"));
  EXPECT_EQ(prepends->decode(prepends->encode("  a", false), false), "  a");
  // A mark that is there already counts as the prepended one, in the library as here.
  const auto first = load(llama2_json("null", kMetaspace));
  EXPECT_EQ(first->decode(first->encode("  a", false), false), " a");
}

TEST(Metaspace, FirstMeansTheBeginOfTheWholeInput) {
  const Ids after_token = load(llama2_json("null", kMetaspace))->encode("<s>a", false);
  EXPECT_THAT(after_token, ElementsAre(1, 260));
  const Ids prepended = load(llama2_json(kPrependAndReplace, "null"))->encode("<s>a", false);
  EXPECT_THAT(prepended, ElementsAre(1, 262));
}

TEST(Metaspace, BadByteRunsGiveOneReplacementAByte) {
  const auto t = load(llama2_json("null", kMetaspace));
  const Ids ids = {0xE2 + 3, 0x82 + 3, 260};
  EXPECT_EQ(t->decode(ids, false), "\uFFFD\uFFFDa");
  EXPECT_EQ(streamed(*t, ids), "\uFFFD\uFFFDa");
}

TEST(AddedTokens, AreFoundLongestFirstWithTheirSpace) {
  const auto t = load(byte_level_json({}, R"("added_tokens":[
      {"id":300,"content":"<a>","special":true},{"id":301,"content":"<a>>","normalized":false},
      {"id":302,"content":"<l>","lstrip":true},{"id":303,"content":"<r>","rstrip":true},
      {"id":304,"content":"word","single_word":true}],)"));
  EXPECT_THAT(t->encode("x<a>>y<a>", false), ElementsAre('x', 301, 'y', 300));
  EXPECT_THAT(t->encode("x  <l> y<r>\n z", false), ElementsAre('x', 302, ' ', 'y', 303, 'z'));
  EXPECT_THAT(t->encode("word swords word", false),
              ElementsAre(304, ' ', 's', 'w', 'o', 'r', 'd', 's', ' ', 304));
  EXPECT_EQ(t->decode(Ids{'x', 300, 301}, true), "x<a>>");
  EXPECT_TRUE(t->is_special(300));
  EXPECT_FALSE(t->is_special(301));
  EXPECT_EQ(t->token_to_id("<a>"), 300u);
  EXPECT_EQ(t->vocab_size(), 305u);
}

TEST(Normalizers, WorkOnText) {
  const auto with = [](const std::string& normalizer) {
    return load(byte_level_json({}, "\"normalizer\":" + normalizer + ","));
  };
  const auto after = [](const Tokenizer& t, std::string_view text) {
    return t.decode(t.encode(text, false), false);
  };
  EXPECT_EQ(after(*with(R"({"type":"NFC"})"), "e\u0301 a\u0301\u0316 \u1100\u1161\u11A8 Å"),
            "é \u00E1\u0316 각 Å");
  EXPECT_EQ(after(*with(R"({"type":"NFD"})"), "é가"), "e\u0301\u1100\u1161");
  EXPECT_EQ(after(*with(R"({"type":"NFKC"})"), "ﬁ①Å"), "fi1Å");
  EXPECT_EQ(after(*with(R"({"type":"Lowercase"})"), "ÀÉİx"), "àéi\u0307x");
  EXPECT_EQ(after(*with(R"({"type":"Strip"})"), " \u3000a b\n"), "a b");
  // Marks in the worst order: an exchange sort would take minutes.
  std::string marks = "a";
  for (int i = 0; i < 200'000; ++i) marks += i < 100'000 ? "\u0301" : "\u0316";
  EXPECT_EQ(after(*with(R"({"type":"NFC"})"), marks).substr(0, 4), "\u00E1\u0316");
}

TEST(PreTokenizers, SplitKnowsItsBehaviors) {
  const auto words = [](const std::string& behavior, const std::string& invert) {
    // Words become visible where a prefix space is put before each.
    const std::string json = fmt::format(
        R"({{"pre_tokenizer":{{"type":"Sequence","pretokenizers":[
            {{"type":"Split","pattern":{{"String":"-"}},"behavior":"{}","invert":{}}},
            {{"type":"ByteLevel","add_prefix_space":true,"use_regex":false}}]}},)",
        behavior, invert);
    std::string file = byte_level_json({});
    file = json + file.substr(file.find("\"decoder\""));
    const auto t = load(file);
    return t->decode(t->encode("a--b-", false), false);
  };
  EXPECT_EQ(words("Isolated", "false"), " a - - b -");
  EXPECT_EQ(words("Removed", "false"), " a b");
  EXPECT_EQ(words("Removed", "true"), " - - -");
  EXPECT_EQ(words("MergedWithPrevious", "false"), " a- - b-");
  EXPECT_EQ(words("MergedWithNext", "false"), " a - -b -");
  EXPECT_EQ(words("Contiguous", "false"), " a -- b -");
}

TEST(ParseTokenizer, RefusesByNameWhatItDoesNotKnow) {
  const auto error = [](const std::string& json) {
    const auto parsed = parse_tokenizer(json);
    return parsed.ok() ? "parsed" : parsed.error().message;
  };
  EXPECT_THAT(error("{"), HasSubstr("tokenizer.json"));
  EXPECT_THAT(error("{}"), HasSubstr("no \"model\""));
  EXPECT_THAT(error(R"({"model":{"type":"Unigram"}})"), HasSubstr("model of type Unigram"));
  EXPECT_THAT(error(byte_level_json({}, R"("normalizer":{"type":"Precompiled"},)")),
              HasSubstr("normalizer of type Precompiled"));
  EXPECT_THAT(error(byte_level_json({}, R"("post_processor":{"type":"BertProcessing"},)")),
              HasSubstr("post_processor of type BertProcessing"));
  EXPECT_THAT(error(byte_level_json({}, "", R"("dropout":0.1,)")), HasSubstr("dropout"));
  EXPECT_THAT(error(byte_level_json({}, "", R"("unk_token":"nope",)")), HasSubstr("nope"));
  EXPECT_THAT(error(R"({"model":{"vocab":{"a":0},"merges":["a b"]}})"), HasSubstr("merge 0: a b"));
  EXPECT_THAT(error(R"({"model":{"vocab":{"a":99999999},"merges":[]}})"), HasSubstr("\"a\""));
  EXPECT_THAT(error(std::string(1000, '[')), HasSubstr("tokenizer.json"));
  EXPECT_THAT(error(std::string(64 * 1024 * 1024 + 1, ' ')), HasSubstr("larger than"));
  EXPECT_THAT(error(R"({"pre_tokenizer":{"type":"Split","pattern":{"Regex":"("},
                        "behavior":"Isolated"},"model":{}})"),
              HasSubstr("regex (:"));
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
