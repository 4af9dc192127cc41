// SPDX-License-Identifier: Apache-2.0
// The first line is text, what follows a tokenizer.json.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "tokenize/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using llmd::tokenize::StreamDecoder;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(input.find('\n'), input.size());
  const auto tokenizer =
      llmd::tokenize::parse_tokenizer(input.substr(std::min(line + 1, input.size())));
  if (!tokenizer) return 0;
  const auto tokens = (*tokenizer)->encode(input.substr(0, line), true);
  StreamDecoder stream(**tokenizer, false);
  std::string streamed;
  for (auto token : tokens) stream.append_to(streamed, token);
  streamed += stream.finish();
  LLMD_CHECK(streamed == (*tokenizer)->decode(tokens, false));
  return 0;
}
