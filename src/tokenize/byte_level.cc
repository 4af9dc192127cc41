// SPDX-License-Identifier: Apache-2.0
#include "tokenize/byte_level.h"

#include <array>

#include "tokenize/utf8.h"

namespace llmd::tokenize {
namespace {

constexpr int kBytes = 256;
constexpr int kCharacters = 0x100 + 68;  ///< one past the largest character of the alphabet

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

struct Alphabet {
  std::array<char32_t, kBytes> character{};
  std::array<int16_t, kCharacters> byte{};
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte.fill(-1);
  char32_t next = 0x100;
  for (int byte = 0; byte < kBytes; ++byte) {
    const char32_t character = stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
    alphabet.character[static_cast<size_t>(byte)] = character;
    alphabet.byte[character] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

char32_t byte_level_character(uint8_t byte) { return kAlphabet.character[byte]; }

std::string byte_level_encode(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (char byte : bytes) append_utf8(text, byte_level_character(static_cast<uint8_t>(byte)));
  return text;
}

std::optional<std::string> byte_level_decode(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    if (!step.valid || step.code_point >= kCharacters || kAlphabet.byte[step.code_point] < 0) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<char>(kAlphabet.byte[step.code_point]));
    text.remove_prefix(step.length);
  }
  return bytes;
}

}  // namespace llmd::tokenize
