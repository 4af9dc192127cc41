// SPDX-License-Identifier: Apache-2.0
#include "engine/simulated/simulated_text.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "base/random.h"

namespace llmd::engine {
namespace {

/// Plain ASCII; its size is a multiple of 4, so that words4 ends with a whole token.
constexpr std::string_view kText =
    "This answer comes from a simulated engine: nobody thought about it, and no weights were read. "
    "Only its pace is real. A prompt that is long takes longer than a short one, a prefix that was "
    "seen before costs nothing, and when many people ask at once, each of them waits a little "
    "more. "
    "The words themselves are always the same walk around one little pond, begun at another stone "
    "each time. There are reeds at the north bank, a bench that wants paint, and a heron who "
    "stands "
    "so still that children take it for a post. In the morning the water is grey; by noon it holds "
    "the whole sky. Someone has tied a boat to the alder and forgotten it. The rope has grown "
    "green. "
    "If you walk on, you come to the mill, whose wheel turned for two hundred years and now does "
    "not, and from there the path leads back to where you were. Read it again as often as you "
    "like. ";
static_assert(kText.size() % 4 == 0);

bool is_suppressed(const BatchItem& item, TokenId token) {
  return std::find(item.suppressed.begin(), item.suppressed.end(), token) != item.suppressed.end();
}

}  // namespace

SimulatedText::SimulatedText(const tokenize::Tokenizer& tokenizer, TokenId eos)
    : words_(tokenizer.encode(kText, /*add_special_tokens=*/false)), eos_(eos) {
  LLMD_CHECK(!words_.empty());
}

TokenId SimulatedText::word(uint64_t seed, uint64_t position) const {
  return words_[(mix64(seed) % words_.size() + position) % words_.size()];
}

TokenId SimulatedText::wanted(const SamplingParams& sampling, uint32_t position) const {
  const Script* script = sampling.script.get();
  if (script == nullptr) return word(sampling.seed, position);
  const uint32_t index = position - script->prompt_size;
  if (index >= script->length) return eos_;
  if (index < script->tokens.size()) return script->tokens[index];
  return word(sampling.seed, position);
}

TokenId SimulatedText::choose(const BatchItem& item) const {
  const auto position = item.first_position + static_cast<uint32_t>(item.tokens.size());
  TokenId token = wanted(*item.sampling, position);
  for (size_t i = 0; i < words_.size() && is_suppressed(item, token); ++i) {
    token = word(item.sampling->seed, position + i);
  }
  return token;
}

}  // namespace llmd::engine
