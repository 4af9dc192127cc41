// SPDX-License-Identifier: Apache-2.0
// The byte-level alphabet of GPT-2: every byte is written as one printable character, so that a
// vocabulary of bytes can be kept as text. Printable Latin-1 stands for itself, the other 68 bytes
// for U+0100 and on, in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace llmd::tokenize {

char32_t byte_level_character(uint8_t byte);
std::string byte_level_encode(std::string_view bytes);
/// The bytes that `text` (valid UTF-8) stands for; nothing when a character is not of the alphabet.
std::optional<std::string> byte_level_decode(std::string_view text);

}  // namespace llmd::tokenize
