// SPDX-License-Identifier: Apache-2.0
#include "tokenize/encode_cache.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <thread>

#include "base/random.h"
#include "tokenize/byte_level.h"
#include "tokenize/tokenizer.h"

namespace llmd::tokenize {
namespace {

using ::testing::ElementsAre;

constexpr size_t kPlenty = 1 << 20;

TEST(EncodeCache, GivesBackWhatWasStored) {
  EncodeCache cache(kPlenty, 1);
  const std::vector<uint32_t> ids = {1, 2, 3};
  std::vector<uint32_t> out = {9};
  EXPECT_FALSE(cache.append(cache.key_of("text", false), out));
  cache.store(cache.key_of("text", false), ids);
  EXPECT_TRUE(cache.append(cache.key_of("text", false), out));
  EXPECT_THAT(out, ElementsAre(9, 1, 2, 3));
  EXPECT_FALSE(cache.append(cache.key_of("text", true), out));
  EXPECT_FALSE(cache.append(cache.key_of("texu", false), out));
}

TEST(EncodeCache, TheLeastRecentlyUsedGoes) {
  EncodeCache cache(10'000, 1);
  const std::vector<uint32_t> ids(500);
  std::vector<uint32_t> out;
  const auto knows = [&](const std::string& text) {
    return cache.append(cache.key_of(text, false), out);
  };
  for (const char* text : {"a", "b", "c", "d"}) cache.store(cache.key_of(text, false), ids);
  EXPECT_TRUE(knows("a"));
  cache.store(cache.key_of("e", false), ids);
  EXPECT_TRUE(knows("a"));
  EXPECT_FALSE(knows("b"));
  EXPECT_TRUE(knows("e"));
  cache.store(cache.key_of("too much", false), std::vector<uint32_t>(1000));
  EXPECT_FALSE(knows("too much"));
  EXPECT_LE(cache.bytes(), 10'000U);
}

TEST(EncodeCache, IsSharedByThreads) {
  EncodeCache cache(100'000, 1);
  std::vector<std::jthread> threads;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&cache, seed] {
      Random random(seed);
      for (int i = 0; i < 2000; ++i) {
        const auto number = static_cast<uint32_t>(random.below(300));
        const EncodeCache::Key key = cache.key_of(std::to_string(number), false);
        std::vector<uint32_t> out;
        if (cache.append(key, out)) {
          ASSERT_EQ(out, std::vector<uint32_t>(number, number));
        } else {
          cache.store(key, std::vector<uint32_t>(number, number));
        }
      }
    });
  }
  threads.clear();
  EXPECT_LE(cache.bytes(), 100'000U);
}

/// A byte-level tokenizer of some merges and added tokens of every kind.
std::string tokenizer_json() {
  std::string vocab;
  for (int byte = 0; byte < 256; ++byte) {
    std::string token = byte_level_encode(std::string(1, static_cast<char>(byte)));
    if (token == "\"" || token == "\\") token.insert(0, 1, '\\');
    vocab += fmt::format("\"{}\":{},", token, byte);
  }
  constexpr const char* kAdded = R"({{"id":{},"content":"{}","special":{},"normalized":{},
      "lstrip":{},"rstrip":{},"single_word":{}}})";
  std::string added = fmt::format(kAdded, 300, "<|im_start|>", true, false, false, false, false);
  added += "," + fmt::format(kAdded, 301, "<|im_end|>", true, false, false, false, false);
  added += "," + fmt::format(kAdded, 302, "<left>", true, false, true, false, false);
  added += "," + fmt::format(kAdded, 303, "<right>", false, false, false, true, false);
  added += "," + fmt::format(kAdded, 304, "word", false, false, false, false, true);
  added += "," + fmt::format(kAdded, 305, "Normal", false, true, false, false, false);
  return fmt::format(R"({{"added_tokens":[{}],"normalizer":{{"type":"NFC"}},
      "pre_tokenizer":{{"type":"ByteLevel","add_prefix_space":true}},
      "decoder":{{"type":"ByteLevel"}},
      "model":{{"type":"BPE","vocab":{{{}"ab":256,"Ġa":257,"abab":258,"Ġab":259}},
      "merges":["a b","Ġ a","ab ab","Ġ ab"]}}}})",
                     added, vocab);
}

std::string random_text(Random& random) {
  constexpr const char* kPieces[] = {
      "ab",     "abab", " a",    "e\u0301", "\n",     "  ",   "word", "<left>", "<right>",
      "Normal", "1 2",  "<|im_", "e",       "\u0301", "\xff", "漢字", "a ab b", "<|im_end|>"};
  std::string text;
  for (uint64_t i = random.below(30); i > 0; --i) text += kPieces[random.below(std::size(kPieces))];
  return text;
}

TEST(EncodeCache, AGrowingConversationHasTheTokensOfAFreshOne) {
  const auto tokenizer = parse_tokenizer(tokenizer_json()).value();
  Random random(7);
  EncodeCache cache(kPlenty / 16, 1);  // so that some of it is forgotten
  for (int conversation = 0; conversation < 100; ++conversation) {
    std::string text =
        conversation % 3 == 0 ? "" : "<|im_start|>system\nabab" + random_text(random);
    for (int turn = 0; turn < 12; ++turn) {
      text += "<|im_start|>user\n" + random_text(random) + "<|im_end|>\n";
      const std::string asked = text + "<|im_start|>assistant\n";
      ASSERT_EQ(tokenizer->encode(asked, true, &cache), tokenizer->encode(asked, true)) << asked;
      text = asked + random_text(random);
    }
  }
}

}  // namespace
}  // namespace llmd::tokenize
