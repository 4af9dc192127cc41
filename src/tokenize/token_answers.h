// SPDX-License-Identifier: Apache-2.0
// The bodies of vLLM's answers to /tokenize and /detokenize (vllm/entrypoints/serve/tokenize).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tokenize/tokenizer.h"

namespace llmd::tokenize {

std::string tokenize_answer(const Tokenizer& tokenizer, std::span<const TokenId> tokens,
                            bool with_strings, int64_t max_model_len);
std::string detokenize_answer(const Tokenizer& tokenizer, std::span<const TokenId> tokens);

}  // namespace llmd::tokenize
