// SPDX-License-Identifier: Apache-2.0
// Text to tokens and back, behind one interface for every kind of tokenizer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace llmd::tokenize {

class EncodeCache;

using TokenId = uint32_t;

/// What decoding carries from one token to the next. Starts empty; belongs to one sequence.
struct DecodeState {
  std::string pending;               ///< at most 3 bytes: the begin of a character
  bool pending_is_fallback = false;  ///< they came from byte-fallback tokens
  bool started = false;              ///< a token was decoded already
  size_t stripped = 0;               ///< characters taken off the begin of the text so far
};

/// Immutable after construction; any thread. Encoding takes time linear in the text.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Special and added tokens that occur in the text are recognised. `add_special_tokens` runs the
  /// post-processor (BOS and the like). Bytes that are not UTF-8 become U+FFFD first.
  std::vector<TokenId> encode(std::string_view text, bool add_special_tokens) const {
    return encode(text, add_special_tokens, nullptr);
  }
  /// The same tokens. What `cache`, if there is one, knows of the text is taken from it, the rest
  /// stored there. A cache belongs to one tokenizer.
  virtual std::vector<TokenId> encode(std::string_view text, bool add_special_tokens,
                                      EncodeCache* cache) const = 0;

  /// Text of the whole sequence; an incomplete character at its end comes out as U+FFFD. Ids out
  /// of range are skipped.
  std::string decode(std::span<const TokenId> tokens, bool skip_special_tokens) const;

  /// Decoding token by token: appends to `out` the whole characters that `token` completes.
  virtual void decode_next(DecodeState& state, TokenId token, bool skip_special_tokens,
                           std::string& out) const = 0;
  /// Ends a sequence: what is pending comes out as U+FFFD.
  void decode_end(DecodeState& state, std::string& out) const;

  virtual size_t vocab_size() const = 0;  ///< largest id + 1, added tokens included
  virtual std::optional<TokenId> token_to_id(std::string_view token) const = 0;
  virtual std::string id_to_token(TokenId id) const = 0;  ///< empty when there is none
  virtual bool is_special(TokenId id) const = 0;
};

/// Reads `tokenizer.json` of the byte-level BPE kind (GPT-2, Llama-3, Qwen) or of the metaspace
/// kind with byte fallback (Llama-2). What it does not know is refused by name.
Result<std::unique_ptr<Tokenizer>> parse_tokenizer(std::string_view tokenizer_json);

/// Every 4 bytes of text are one token, its id their little-endian value; a short tail is padded
/// with zero bytes, which decoding drops at the end of each token. Text is taken as it is, UTF-8 or
/// not, so that ids can be told from raw bytes. For simulated engines.
std::unique_ptr<Tokenizer> make_words4();

/// Turns one sequence's tokens into text as they come, never giving out half a character and never
/// taking back what it gave: all it gives, joined, is decode() of the whole. Cost per token does
/// not grow with the sequence. Owner's thread.
class StreamDecoder {
 public:
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens);
  /// Tokens that precede the first append (the prompt's end), for decoders that look back. A
  /// character that they begin is given out whole by the append that completes it.
  void prime(std::span<const TokenId> context);
  /// The text that this token completes, possibly none.
  std::string append(TokenId token);
  /// As append, into a buffer that the caller reuses.
  void append_to(std::string& out, TokenId token);
  /// What is left, with U+FFFD for an incomplete character. The next append begins a new sequence.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_tokens_;
  DecodeState state_;
};

}  // namespace llmd::tokenize
