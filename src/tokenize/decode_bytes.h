// SPDX-License-Identifier: Apache-2.0
// From the bytes that tokens stand for to text, never giving out half a character.
#pragma once

#include <string>
#include <string_view>

#include "tokenize/tokenizer.h"

namespace llmd::tokenize {

/// Appends to `out` the whole characters that `bytes` complete and keeps the rest in `state`. What
/// can no longer become UTF-8 is U+FFFD: one for each maximal subpart, or, if the bytes come from
/// byte-fallback tokens, one for each byte.
void decode_bytes(DecodeState& state, std::string_view bytes, bool is_fallback, std::string& out);

/// Gives up on what is pending.
void flush_pending(DecodeState& state, std::string& out);

}  // namespace llmd::tokenize
