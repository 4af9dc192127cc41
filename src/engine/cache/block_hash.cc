// SPDX-License-Identifier: Apache-2.0
#include "engine/cache/block_hash.h"

#include <openssl/sha.h>

#include <vector>

namespace llmd::engine {
namespace {

// Major types of RFC 8949, 3.1, already in the upper three bits.
constexpr uint8_t kUnsigned = 0x00;
constexpr uint8_t kBytes = 0x40;
constexpr uint8_t kText = 0x60;
constexpr uint8_t kArray = 0x80;
constexpr uint8_t kNull = 0xf6;

void append_head(std::vector<uint8_t>& out, uint8_t major, uint64_t value) {
  if (value < 24) {
    out.push_back(major | static_cast<uint8_t>(value));
    return;
  }
  const int log_bytes = value <= 0xff ? 0 : value <= 0xffff ? 1 : value <= 0xffffffff ? 2 : 3;
  out.push_back(major | static_cast<uint8_t>(24 + log_bytes));
  for (int shift = (8 << log_bytes) - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<uint8_t>(value >> shift));
  }
}

void append_text(std::vector<uint8_t>& out, std::string_view text) {
  append_head(out, kText, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

BlockHash sha256(const std::vector<uint8_t>& bytes) {
  BlockHash hash;
  SHA256(bytes.data(), bytes.size(), hash.data());
  return hash;
}

}  // namespace

BlockHash root_hash(std::string_view seed) {
  std::vector<uint8_t> cbor;
  append_text(cbor, seed);
  return sha256(cbor);
}

BlockHash hash_block(const BlockHash& parent, std::span<const TokenId> tokens,
                     std::string_view salt) {
  std::vector<uint8_t> cbor;
  cbor.reserve(64 + 5 * tokens.size() + salt.size());
  append_head(cbor, kArray, 3);
  append_head(cbor, kBytes, parent.size());
  cbor.insert(cbor.end(), parent.begin(), parent.end());
  append_head(cbor, kArray, tokens.size());
  for (const TokenId token : tokens) append_head(cbor, kUnsigned, token);
  if (salt.empty()) {
    cbor.push_back(kNull);
  } else {
    append_head(cbor, kArray, 1);
    append_text(cbor, salt);
  }
  return sha256(cbor);
}

uint64_t wire_hash(const BlockHash& hash) {
  uint64_t value = 0;
  for (size_t i = hash.size() - 8; i < hash.size(); ++i) value = value << 8U | hash[i];
  return value;
}

}  // namespace llmd::engine
