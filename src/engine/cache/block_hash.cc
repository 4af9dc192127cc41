// SPDX-License-Identifier: Apache-2.0
// The functions below EVP, deprecated or not: EVP looks its algorithm up for every hash, which
// takes longer than hashing a block.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "engine/cache/block_hash.h"

#include <openssl/sha.h>

#include <cstring>
#include <vector>

namespace llmd::engine {
namespace {

// Major types of RFC 8949, 3.1, already in the upper three bits.
constexpr uint8_t kUnsigned = 0x00;
constexpr uint8_t kBytes = 0x40;
constexpr uint8_t kText = 0x60;
constexpr uint8_t kArray = 0x80;
constexpr uint8_t kNull = 0xf6;

constexpr size_t kHeadBytesMax = 9;

/// Writes CBOR into memory that is large enough.
class CborWriter {
 public:
  explicit CborWriter(uint8_t* to) : at_(to) {}
  const uint8_t* end() const { return at_; }

  void head(uint8_t major, uint64_t value) {
    if (value < 24) {
      *at_++ = major | static_cast<uint8_t>(value);
      return;
    }
    const int log_bytes = value <= 0xff ? 0 : value <= 0xffff ? 1 : value <= 0xffffffff ? 2 : 3;
    *at_++ = major | static_cast<uint8_t>(24 + log_bytes);
    const uint64_t big_endian = __builtin_bswap64(value << (64 - (8 << log_bytes)));
    std::memcpy(at_, &big_endian,
                sizeof big_endian);  // bytes beyond are overwritten by what follows
    at_ += 1 << log_bytes;
  }
  void bytes(const void* from, size_t size) {
    std::memcpy(at_, from, size);
    at_ += size;
  }
  void text(std::string_view text) {
    head(kText, text.size());
    bytes(text.data(), text.size());
  }
  void null() { *at_++ = kNull; }

 private:
  uint8_t* at_;
};

BlockHash sha256(const uint8_t* begin, const uint8_t* end) {
  BlockHash hash;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, begin, static_cast<size_t>(end - begin));
  SHA256_Final(hash.data(), &context);
  return hash;
}

}  // namespace

BlockHash root_hash(std::string_view seed) {
  std::vector<uint8_t> room(kHeadBytesMax + seed.size());
  CborWriter cbor(room.data());
  cbor.text(seed);
  return sha256(room.data(), cbor.end());
}

BlockHash hash_block(const BlockHash& parent, std::span<const TokenId> tokens,
                     const HashExtras& extras) {
  std::vector<uint8_t> room(7 * kHeadBytesMax + parent.size() + kHeadBytesMax * tokens.size() +
                            extras.adapter.size() + extras.salt.size());
  CborWriter cbor(room.data());
  cbor.head(kArray, 3);
  cbor.head(kBytes, parent.size());
  cbor.bytes(parent.data(), parent.size());
  cbor.head(kArray, tokens.size());
  for (const TokenId token : tokens) cbor.head(kUnsigned, token);
  const size_t count = (extras.adapter.empty() ? 0 : 1) + (extras.salt.empty() ? 0 : 1);
  if (count == 0) {
    cbor.null();
  } else {
    cbor.head(kArray, count);
    if (!extras.adapter.empty()) cbor.text(extras.adapter);
    if (!extras.salt.empty()) cbor.text(extras.salt);
  }
  return sha256(room.data(), cbor.end());
}

uint64_t wire_hash(const BlockHash& hash) {
  uint64_t value = 0;
  for (size_t i = hash.size() - 8; i < hash.size(); ++i) value = value << 8U | hash[i];
  return value;
}

}  // namespace llmd::engine
