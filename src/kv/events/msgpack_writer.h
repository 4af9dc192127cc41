// SPDX-License-Identifier: Apache-2.0
// MessagePack written value by value, each in its shortest form.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace llmd::kv {

/// Appends to a string, which must outlive it. The caller writes as many elements (or keys and
/// values) after array() and map() as it said.
class MsgpackWriter {
 public:
  explicit MsgpackWriter(std::string& out) : out_(out) {}

  void nil() { byte(0xc0); }
  void uint(uint64_t value) {
    if (value < 0x80) return byte(value);
    if (value <= UINT8_MAX) return number(0xcc, value, 1);
    if (value <= UINT16_MAX) return number(0xcd, value, 2);
    if (value <= UINT32_MAX) return number(0xce, value, 4);
    number(0xcf, value, 8);
  }
  void float64(double value) { number(0xcb, std::bit_cast<uint64_t>(value), 8); }
  void string(std::string_view text) {
    if (text.size() < 32) {
      byte(0xa0 | text.size());
    } else if (text.size() <= UINT8_MAX) {
      number(0xd9, text.size(), 1);
    } else {
      sized(0xda, text.size());
    }
    out_.append(text);
  }
  void array(size_t elements) {
    if (elements < 16) return byte(0x90 | elements);
    sized(0xdc, elements);
  }
  void map(size_t pairs) {
    if (pairs < 16) return byte(0x80 | pairs);
    sized(0xde, pairs);
  }

 private:
  void byte(uint64_t value) { out_.push_back(static_cast<char>(value)); }
  void number(uint8_t form, uint64_t value, unsigned width) {
    byte(form);
    for (unsigned i = width; i-- > 0;) byte(value >> (8 * i));
  }
  /// A length of two bytes, or in the next form of four.
  void sized(uint8_t form, size_t size) {
    if (size <= UINT16_MAX) return number(form, size, 2);
    number(form + 1, size, 4);
  }

  std::string& out_;
};

}  // namespace llmd::kv
