// SPDX-License-Identifier: Apache-2.0
#include "tokenize/decode_bytes.h"

#include "tokenize/utf8.h"

namespace llmd::tokenize {
namespace {

void append_replacements(std::string& out, size_t bad_bytes, bool is_fallback) {
  const size_t count = is_fallback ? bad_bytes : 1;
  for (size_t i = 0; i < count; ++i) out.append(kReplacementCharacter);
}

}  // namespace

void flush_pending(DecodeState& state, std::string& out) {
  if (state.pending.empty()) return;
  append_replacements(out, state.pending.size(), state.pending_is_fallback);
  state.pending.clear();
}

void decode_bytes(DecodeState& state, std::string_view bytes, bool is_fallback, std::string& out) {
  if (state.pending_is_fallback != is_fallback) flush_pending(state, out);
  state.pending_is_fallback = is_fallback;
  std::string joined;
  if (!state.pending.empty()) {
    joined = std::move(state.pending).append(bytes);
    bytes = joined;
    state.pending.clear();
  }
  while (!bytes.empty()) {
    const Utf8Step step = utf8_step(bytes);
    if (step.incomplete) {
      state.pending.assign(bytes);
      return;
    }
    if (step.valid) {
      out.append(bytes, 0, step.length);
    } else {
      append_replacements(out, step.length, is_fallback);
    }
    bytes.remove_prefix(step.length);
  }
}

}  // namespace llmd::tokenize
