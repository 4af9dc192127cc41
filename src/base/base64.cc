// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <openssl/evp.h>

#include <algorithm>

namespace llmd {
namespace {

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* as_bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a zero
  out.resize(static_cast<size_t>(
      EVP_EncodeBlock(as_bytes(out), as_bytes(bytes), static_cast<int>(bytes.size()))));
  return out;
}

std::string base64_decode(std::string_view text) {
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(as_bytes(out), as_bytes(text), static_cast<int>(text.size()));
  if (size < 0 || text.empty()) return {};
  // OpenSSL counts what the padding stands for.
  const auto padding = std::min<size_t>(text.size() - 1 - text.find_last_not_of('='), 2);
  out.resize(static_cast<size_t>(size) - padding);
  return out;
}

}  // namespace llmd
