// SPDX-License-Identifier: Apache-2.0
// The "pre_tokenizer" of a tokenizer file: cuts a text into the words that are encoded one by one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenize/json_field.h"

namespace llmd::tokenize {

/// A text and the words in it, as pre-tokenizers hand it on.
struct Words {
  struct Span {
    size_t begin;
    size_t end;
  };
  std::string_view text;  ///< the caller's, or a view of `storage` once a step has rewritten it
  std::string storage;
  std::vector<Span> spans;  ///< never empty ones
  bool at_start = false;    ///< the first span is the begin of the whole input

  void reset(std::string_view whole_text, bool is_at_start);
  std::string_view at(size_t i) const {
    return text.substr(spans[i].begin, spans[i].end - spans[i].begin);
  }
};

/// A chain of steps. Immutable; any thread.
class PreTokenizer {
 public:
  class Step {
   public:
    virtual ~Step() = default;
    virtual void apply(Words& words) const = 0;
  };

  /// Split ByteLevel Metaspace Digits Punctuation Whitespace WhitespaceSplit and Sequence of these.
  static Result<PreTokenizer> parse(std::optional<Json> json);

  void apply(Words& words) const;

  /// The last step is ByteLevel: words come out as raw bytes, not yet in its alphabet.
  bool ends_in_bytes() const { return ends_in_bytes_; }

 private:
  std::vector<std::unique_ptr<const Step>> steps_;
  bool ends_in_bytes_ = false;
};

}  // namespace llmd::tokenize
