// SPDX-License-Identifier: Apache-2.0
#include "kv/events/msgpack_reader.h"

#include <array>
#include <bit>
#include <cstring>

namespace llmd::kv {
namespace {

using Kind = MsgpackHead::Kind;

constexpr char kUint16 = '\xcd';
constexpr uint8_t kFirstForm = 0xc0;  ///< below: small numbers, maps, arrays and strings
constexpr uint8_t kFirstFixedExtension = 0xd4;
constexpr uint8_t kFirstNegative = 0xe0;

struct Form {
  Kind kind;
  uint8_t width;  ///< bytes of the number after the first byte
};

/// First bytes 0xc0 to 0xdf.
constexpr Form kForms[] = {
    {Kind::kNil, 0},       {Kind::kNever, 0},     {Kind::kBool, 0},      {Kind::kBool, 0},
    {Kind::kBinary, 1},    {Kind::kBinary, 2},    {Kind::kBinary, 4},    {Kind::kExtension, 1},
    {Kind::kExtension, 2}, {Kind::kExtension, 4}, {Kind::kFloat, 4},     {Kind::kFloat, 8},
    {Kind::kUint, 1},      {Kind::kUint, 2},      {Kind::kUint, 4},      {Kind::kUint, 8},
    {Kind::kInt, 1},       {Kind::kInt, 2},       {Kind::kInt, 4},       {Kind::kInt, 8},
    {Kind::kExtension, 0}, {Kind::kExtension, 0}, {Kind::kExtension, 0}, {Kind::kExtension, 0},
    {Kind::kExtension, 0}, {Kind::kString, 1},    {Kind::kString, 2},    {Kind::kString, 4},
    {Kind::kArray, 2},     {Kind::kArray, 4},     {Kind::kMap, 2},       {Kind::kMap, 4},
};

/// The first 8 bytes as one number, the first of them its highest.
uint64_t load_big_endian(const char* from) {
  uint64_t bits = 0;
  std::memcpy(&bits, from, sizeof bits);
  return std::endian::native == std::endian::little ? __builtin_bswap64(bits) : bits;
}

/// `width` of the `left` bytes.
uint64_t big_endian(const char* from, size_t width, size_t left) {
  if (left >= sizeof(uint64_t) && width > 0) return load_big_endian(from) >> (64 - 8 * width);
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value = value << 8 | static_cast<uint8_t>(from[i]);
  return value;
}

uint64_t sign_extended(uint64_t value, size_t width) {
  const unsigned shift = 64 - 8 * static_cast<unsigned>(width);
  return static_cast<uint64_t>(static_cast<int64_t>(value << shift) >> shift);
}

uint64_t double_bits(uint64_t value, size_t width) {
  if (width == 8) return value;
  return std::bit_cast<uint64_t>(double{std::bit_cast<float>(static_cast<uint32_t>(value))});
}

/// Those whose first byte holds everything.
MsgpackHead short_head(uint8_t lead) {
  if (lead < 0x80) return {Kind::kUint, 1, lead};
  if (lead < 0x90) return {Kind::kMap, 1, lead & 0x0fU};
  if (lead < 0xa0) return {Kind::kArray, 1, lead & 0x0fU};
  if (lead < kFirstForm) return {Kind::kString, 1, lead & 0x1fU};
  return {Kind::kInt, 1, sign_extended(lead, 1)};
}

MsgpackHead long_head(uint8_t lead, Form form, uint64_t value) {
  MsgpackHead head{form.kind, static_cast<uint8_t>(1 + form.width), value};
  if (form.kind == Kind::kInt) head.value = sign_extended(value, form.width);
  if (form.kind == Kind::kFloat) head.value = double_bits(value, form.width);
  if (form.kind == Kind::kBool) head.value = lead & 1U;
  if (form.kind == Kind::kExtension) {
    if (form.width == 0) head.value = uint64_t{1} << (lead - kFirstFixedExtension);
    ++head.bytes;  // the extension's type
  }
  return head;
}

/// How many bytes must follow the head at least: each element has one or more.
uint64_t least_that_follows(const MsgpackHead& head) {
  switch (head.kind) {
    case Kind::kString:
    case Kind::kBinary:
    case Kind::kExtension:
    case Kind::kArray:
      return head.value;
    case Kind::kMap:
      return 2 * head.value;
    default:
      return 0;
  }
}

/// How read_uint32s() gets an integer of up to 5 bytes out of the 8 from its first on.
struct ShortUint {
  uint8_t bytes = 0;  ///< 0: another kind of value, or a wider form
  uint8_t shift = 0;
  uint32_t mask = 0;
};

constexpr std::array<ShortUint, 256> kShortUints = [] {
  std::array<ShortUint, 256> forms;
  for (size_t lead = 0; lead < 0x80; ++lead) forms[lead] = {1, 56, 0x7f};
  forms[0xcc] = {2, 48, 0xff};
  forms[0xcd] = {3, 40, 0xffff};
  forms[0xce] = {5, 24, 0xffffffff};
  return forms;
}();

}  // namespace

bool MsgpackReader::peek(MsgpackHead& head) const {
  if (at_ == end_) return false;
  const auto lead = static_cast<uint8_t>(*at_);
  if (lead < kFirstForm || lead >= kFirstNegative) {
    head = short_head(lead);
  } else {
    const Form form = kForms[lead - kFirstForm];
    if (form.kind == Kind::kNever || bytes_left() <= form.width) return false;
    head = long_head(lead, form, big_endian(at_ + 1, form.width, bytes_left() - 1));
  }
  return head.bytes <= bytes_left() && least_that_follows(head) <= bytes_left() - head.bytes;
}

bool MsgpackReader::take(Kind kind, MsgpackHead& head) {
  if (!peek(head) || head.kind != kind) return false;
  at_ += head.bytes;
  return true;
}

bool MsgpackReader::take_bytes(Kind kind, std::string_view& value) {
  MsgpackHead head;
  if (!take(kind, head)) return false;
  value = {at_, head.value};
  at_ += head.value;
  return true;
}

bool MsgpackReader::read_uint(uint64_t& value) {
  MsgpackHead head;
  if (!peek(head)) return false;
  const bool fits = head.kind == Kind::kUint ||
                    (head.kind == Kind::kInt && static_cast<int64_t>(head.value) >= 0);
  if (!fits) return false;
  at_ += head.bytes;
  value = head.value;
  return true;
}

bool MsgpackReader::read_int(int64_t& value) {
  MsgpackHead head;
  if (!peek(head) || (head.kind != Kind::kUint && head.kind != Kind::kInt)) return false;
  at_ += head.bytes;
  value = static_cast<int64_t>(head.value);
  return true;
}

bool MsgpackReader::read_double(double& value) {
  MsgpackHead head;
  if (!peek(head)) return false;
  switch (head.kind) {
    case Kind::kFloat:
      value = std::bit_cast<double>(head.value);
      break;
    case Kind::kUint:
      value = static_cast<double>(head.value);
      break;
    case Kind::kInt:
      value = static_cast<double>(static_cast<int64_t>(head.value));
      break;
    default:
      return false;
  }
  at_ += head.bytes;
  return true;
}

bool MsgpackReader::read_string(std::string_view& value) {
  return take_bytes(Kind::kString, value);
}

bool MsgpackReader::read_binary(std::string_view& value) {
  return take_bytes(Kind::kBinary, value);
}

bool MsgpackReader::read_array(size_t& elements) {
  MsgpackHead head;
  if (!take(Kind::kArray, head)) return false;
  elements = head.value;
  return true;
}

bool MsgpackReader::read_map(size_t& pairs) {
  MsgpackHead head;
  if (!take(Kind::kMap, head)) return false;
  pairs = head.value;
  return true;
}

bool MsgpackReader::read_uint32(uint32_t& value) {
  uint64_t wide = 0;
  if (!read_uint(wide) || wide > UINT32_MAX) return false;
  value = static_cast<uint32_t>(wide);
  return true;
}

/// Most token ids of text take two bytes; which of the other forms the rest take is not guessed.
bool MsgpackReader::read_uint32s(uint32_t* out, size_t count) {
  const char* at = at_;
  for (uint32_t* const end = out + count; out != end; ++out) {
    const bool roomy = static_cast<size_t>(end_ - at) >= sizeof(uint64_t);
    if (roomy && *at == kUint16) {
      *out = static_cast<uint32_t>(load_big_endian(at) >> kShortUints[0xcd].shift) & 0xffff;
      at += 3;
      continue;
    }
    const ShortUint form = roomy ? kShortUints[static_cast<uint8_t>(*at)] : ShortUint{};
    if (form.bytes > 0) {
      *out = static_cast<uint32_t>(load_big_endian(at) >> form.shift) & form.mask;
      at += form.bytes;
      continue;
    }
    at_ = at;
    if (!read_uint32(*out)) return false;
    at = at_;
  }
  at_ = at;
  return true;
}

bool MsgpackReader::skip() {
  const char* const start = at_;
  uint64_t pending = 1;  // values still due; each has a byte at least
  while (pending > 0) {
    MsgpackHead head;
    if (pending > bytes_left() || !peek(head)) {
      at_ = start;
      return false;
    }
    at_ += head.bytes;
    --pending;
    if (head.kind == Kind::kArray || head.kind == Kind::kMap) {
      pending += least_that_follows(head);
    } else {
      at_ += least_that_follows(head);
    }
  }
  return true;
}

bool MsgpackReader::skip(std::string_view& value) {
  const char* const start = at_;
  if (!skip()) return false;
  value = {start, static_cast<size_t>(at_ - start)};
  return true;
}

}  // namespace llmd::kv
