// SPDX-License-Identifier: Apache-2.0
// The "decoder" of a tokenizer file, worked out once for every token: each stands for the same
// bytes wherever it is, but for the first of a text.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenize/json_field.h"
#include "tokenize/tokenizer.h"

namespace llmd::tokenize {

/// Immutable; any thread.
class Decoder {
 public:
  /// What a token becomes.
  struct Piece {
    std::string bytes;
    bool is_fallback = false;  ///< one byte of a character that the vocabulary lacks
  };
  class Step {
   public:
    virtual ~Step() = default;
    virtual void apply(Piece& piece, bool is_first) const = 0;
  };

  /// ByteLevel Metaspace ByteFallback Replace Strip Fuse and Sequence of these, in which only Strip
  /// of the text's begin may follow Fuse. Without a decoder tokens are joined by spaces.
  static Result<Decoder> parse(std::optional<Json> json);

  Piece piece_of(std::string_view token, bool is_first) const;
  /// piece_of depends on `is_first`.
  bool first_differs() const { return first_differs_; }

  /// Appends to `out` what is left of `text`, the newest part of the whole text, once the whole
  /// text's begin is stripped.
  void append_stripped(DecodeState& state, std::string_view text, std::string& out) const;
  bool strips_begin() const { return strip_count_ > 0; }

 private:
  Result<void> add(Json step, bool& fused);
  std::vector<std::unique_ptr<const Step>> steps_;
  bool first_differs_ = false;
  std::string strip_content_;
  size_t strip_count_ = 0;
};

}  // namespace llmd::tokenize
