// SPDX-License-Identifier: Apache-2.0
// For tests: a batch of vLLM, byte for byte.
#pragma once

#include <string>

#include "kv/events/test_sink.h"

namespace llmd::kv {

using namespace std::string_literals;

inline constexpr double kGoldenTimeS = 1789095808.83;

/// What a user captured of vLLM v0.26.0 and printed in kthena-project/kthena issue 1535, encoded as
/// MessagePack's shortest forms; but for the tokens, which are elided there.
inline const std::string kGolden =
    "\x93\xcb\x41\xda\xa8\xdb\xe0\x35\x1e\xb8\x91\x8b"
    "\xa4type\xab"
    "BlockStored"
    "\xac"
    "block_hashes\x91\xcf\xda\xb8\x9b\xaa\x7b\x58\x57\xc0"
    "\xb1parent_block_hash\xc0"
    "\xa9token_ids\xdc\x00\x10\x00\x7f\xcc\x80\xcc\xff\xcd\x01\x00\xcd\xff\xff\xce\x00\x01\x00\x00"
    "\xce\x00\x02\x50\x7c\x01\x02\x03\x04\x05\x06\x07\x08"
    "\xaa"
    "block_size\x10"
    "\xa7lora_id\xc0\xa6medium\xa3GPU\xa9lora_name\xc0"
    "\xaa"
    "extra_keys\x91\xc0\xa9group_idx\x00"
    "\xb2kv_cache_spec_kind\xae"
    "full_attention\x00"s;

inline OwnedEvent golden_event() {
  return {.type = "stored",
          .hashes = {15760518052499183552U},
          .tokens = {0, 127, 128, 255, 256, 65535, 65536, 151676, 1, 2, 3, 4, 5, 6, 7, 8},
          .block_size = 16,
          .medium = "GPU",
          .spec_kind = SpecKind::kFullAttention};
}

}  // namespace llmd::kv
